"""Changing only what one has seen: `ETag` on what is shown, `If-Match` on what is changed."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request, Response

from citewell.api.schemas.fields import Shown
from citewell.api.server import server_of
from citewell.domain.errors import ChangedError

TAG_CHARACTERS = 32
TAGGED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"description": "For `If-Match`.", "schema": {"type": "string"}}}}
}
CONDITIONAL: dict[int | str, dict[str, Any]] = {**TAGGED, 412: {}}

Tagged = TypeVar("Tagged", bound=Shown)


def tagged(response: Response, shown: Tagged) -> Tagged:
    """`shown`, with its entity tag in the reply's headers."""
    response.headers["etag"] = tag(shown)
    return shown


def tag(shown: Shown) -> str:
    """The strong entity tag of what is shown."""
    digest = hashlib.sha256(shown.model_dump_json().encode())
    return f'"{digest.hexdigest()[:TAG_CHARACTERS]}"'


@dataclass(frozen=True, slots=True)
class Precondition:
    """What the sender of a change wants to be true of what it changes."""

    wanted: frozenset[str] | None
    response: Response
    lock: asyncio.Lock

    @asynccontextmanager
    async def met(self, read: Callable[[], Awaitable[Shown]]) -> AsyncIterator[None]:
        """Hold every other change back; raises `ChangedError` when the caller saw another state.

        The order is that of this process, through which all changes of this kind go.
        """
        async with self.lock:
            if self.wanted is not None and not {"*", tag(await read())} & self.wanted:
                raise ChangedError(
                    "It has changed since you read it.",
                    hint="Read it again, then repeat the change.",
                )
            yield

    def tagged(self, shown: Tagged) -> Tagged:
        """`shown`, with its entity tag in the reply's headers."""
        return tagged(self.response, shown)


def _precondition(
    request: Request,
    response: Response,
    if_match: Annotated[
        str | None,
        Header(
            max_length=2000,
            description="Change it only while its `ETag` is one of these; 412 otherwise.",
        ),
    ] = None,
) -> Precondition:
    wanted = None if if_match is None else frozenset(one.strip() for one in if_match.split(","))
    return Precondition(wanted, response, server_of(request).changes)


PreconditionDep = Annotated[Precondition, Depends(_precondition)]
