"""Servers of tools (Model Context Protocol), spoken with for one question or one call at a time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from citewell.domain.errors import (
    ConflictError,
    FieldProblem,
    InvalidError,
    UnavailableError,
    UpstreamError,
)
from citewell.domain.tools.servers import BEARER, Offered, Place
from citewell.inference.egress.origins import read_origins
from citewell.inference.egress.tool_servers import ORIGINS_SETTING, Reach, Way
from citewell.inference.mcp.commands import Command, read_commands

if TYPE_CHECKING:
    from mcp import ClientSession
    from mcp.types import CallToolResult

SECONDS = 20.0
# What all answers of one conversation may have: the list of tools and a result.
MOST_BYTES = 2 * 1024 * 1024
# Of one process at the same time; more wait for their turn, within their seconds.
MOST_AT_ONCE = 8
# In place of a server's secret where it says it again: what it gives is read by many.
KEPT = "[secret]"


class NotApprovedError(ConflictError):
    """A server offers something else than what was approved; `now` is that, None for nothing."""

    def __init__(self, message: str, now: Offered | None, *, hint: str = "") -> None:
        """Both sentences are for the model and for people."""
        super().__init__(message, hint=hint)
        self.now = now


@dataclass(frozen=True, slots=True)
class ToolServers:
    """Each call is a conversation of its own, within `seconds` and `most` bytes.

    A server that is over them, or that says what is no part of the protocol, is an `UpstreamError`
    or a `TimedOutError`; an address to which nothing may be sent is an `InvalidError`.
    """

    reach: Reach = field(default_factory=Reach)
    commands: Mapping[str, Command] = field(default_factory=dict)
    seconds: float = SECONDS
    most: int = MOST_BYTES
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))

    @classmethod
    def of(cls, *, enabled: bool, origins: str, commands_file: Path | None) -> "ToolServers | None":
        """As it is set, None where it is off. Blocks; raises `StartError`."""
        if not enabled:
            return None
        return cls(Reach(read_origins(origins, ORIGINS_SETTING)), read_commands(commands_file))

    def check(self, place: Place) -> None:
        """Raise `InvalidError` for a place where no server can be."""
        if place.url is not None:
            self.reach.address(place.url)
        elif place.command not in self.commands:
            message = "The operator has named no such command."
            known = ", ".join(sorted(self.commands)) or "none"
            raise InvalidError(
                message, hint=f"There are: {known}.", errors=(FieldProblem("command", message),)
            )
        if not (place.secret.isascii() and place.secret.isprintable()):
            raise InvalidError(
                "The secret has characters that no header may carry.",
                hint="Copy it again, without line breaks around it.",
            )

    async def offered(self, place: Place) -> list[Offered]:
        """The tools that a server offers now."""

        async def work(session: "ClientSession", talking: ModuleType) -> list[Offered]:
            found: list[Offered] = await talking.listed(session, place.name)
            _check_kept(place, found)
            return found

        found: list[Offered] = await self._talk(place, work)
        return found

    async def call(
        self, place: Place, approved: Offered, arguments: Mapping[str, Any]
    ) -> "CallToolResult":
        """What a tool gives, when it is still word for word what was approved.

        Raises `NotApprovedError` when it is not: then it was not called.
        """

        async def work(session: "ClientSession", talking: ModuleType) -> "CallToolResult":
            tools = {one.name: one for one in await talking.listed(session, place.name)}
            _check_same(place, approved, tools.get(approved.name))
            given: CallToolResult = await talking.called(session, approved.name, arguments)
            for part in given.content:
                if part.type == "text" and place.secret:
                    part.text = part.text.replace(place.secret, KEPT)
            return given

        result: CallToolResult = await self._talk(place, work)
        return result

    async def _talk(self, place: Place, work: Any) -> Any:
        """Within a turn. The library takes a second and a half to import: not before it is used."""
        self.check(place)
        talking = await asyncio.to_thread(_talking)
        way = Way(self.seconds, self.most)
        try:
            async with asyncio.timeout(self.seconds):
                await self._turns.acquire()
        except TimeoutError as error:
            raise UnavailableError(
                "Too many servers of tools are spoken with.", hint="Try again.", retry_after=5
            ) from error
        try:
            return await self._talk_now(place, talking, way, lambda one: work(one, talking))
        finally:
            self._turns.release()

    async def _talk_now(self, place: Place, talking: ModuleType, way: Way, work: Any) -> Any:
        if place.url is None:
            command = self.commands[place.command or ""]
            return await talking.talk_to_process(place.name, command, way, work)
        address = self.reach.address(place.url)
        client = await asyncio.to_thread(self.reach.client, address, _headers(place), way)
        return await talking.talk_over_http(place.name, str(address), client, way, work)


def _talking() -> ModuleType:
    from citewell.inference.mcp import talking

    return talking


def _headers(place: Place) -> dict[str, str]:
    if not place.secret:
        return {}
    scheme = "Bearer " if place.header == BEARER else ""
    return {place.header: scheme + place.secret}


def _check_kept(place: Place, found: list[Offered]) -> None:
    if place.secret and any(place.secret in f"{one.description}{one.schema}" for one in found):
        raise UpstreamError(
            f"The server {place.name!r} shows its secret in what it says of its tools.",
            hint="Give it another one, or remove the server.",
        )


def _check_same(place: Place, approved: Offered, now: Offered | None) -> None:
    if now is not None and now.sha256 == approved.sha256:
        return
    what = "is not what an administrator approved of any more" if now else "is offered no more"
    raise NotApprovedError(
        f"The tool {approved.name!r} of the server {place.name!r} {what}: it is off.",
        now,
        hint="An administrator has to look at it and approve of it again.",
    )
