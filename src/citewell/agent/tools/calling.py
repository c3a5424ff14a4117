"""One call of a tool: permitted, its arguments checked, bounded in time and size."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.messages import ToolCall, ToolMessage
from pydantic import BaseModel, ValidationError

from citewell.agent.tools.contract import Found, Tool
from citewell.agent.tools.permission import (
    CARRIES_AWAY,
    WITH_EFFECT,
    Circumstances,
    Verdict,
    digest,
    verdict,
)
from citewell.agent.tools.showing import unshown
from citewell.domain.errors import AppError
from citewell.domain.principal import Principal, Scope
from citewell.telemetry.logs import logger

MOST_CHARACTERS = 8_000
MOST_ARGUMENTS = 8_000
_TOO_LONG = f"The arguments are longer than {MOST_ARGUMENTS:,} characters."

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call. `text` is for the model; `verdict` says whether it ran.

    `failed` calls and those that did not run have the reason as their text.
    """

    text: str
    verdict: Verdict = Verdict.RUN
    failed: bool = False
    found: Found = field(default_factory=Found)


@dataclass(slots=True)
class Toolbox:
    """The tools of one run; `untrusted` is set for good by the first result with others' words.

    `language` is that of the question (ISO 639-1), in which a person is asked about a call.
    """

    principal: Principal
    run: str
    tools: Mapping[str, Tool]
    untrusted: bool
    approved: frozenset[str] = frozenset()
    can_ask: bool = False
    language: str = ""

    @classmethod
    def of(
        cls,
        principal: Principal,
        run: str,
        tools: Sequence[Tool],
        *,
        untrusted: bool,
        can_ask: bool = False,
        language: str = "",
    ) -> "Toolbox":
        """Those of the tools whose scopes the caller has; raises `ValueError` for a name twice."""
        mine = [tool for tool in tools if _has(principal, tool)]
        names = {tool.name: tool for tool in mine}
        if len(names) != len(mine):
            raise ValueError(f"Two tools have one name: {sorted(tool.name for tool in mine)}.")
        return cls(principal, run, names, untrusted, can_ask=can_ask, language=language)

    async def call(self, call: ToolCall) -> Result:
        """What the call gives; every expected failure is a text for the model, never an error."""
        tool = self.tools.get(call["name"])
        if tool is None:
            known = ", ".join(self.tools)
            return Result(
                f"There is no tool {call['name'][:80]!r}; there are: {known}.", failed=True
            )
        said = self.judged(tool, call["args"])
        # Nobody is asked about what would not run, or could not be shown as it is.
        if said is Verdict.ASK and (unfit := _unfit(tool, call["args"])):
            return Result(unfit, failed=True)
        if said is not Verdict.RUN:
            return Result(_REFUSED[said], said, failed=True)
        result = await _run(tool, call)
        if not tool.own_words and not result.failed:
            self.untrusted = True
        return result

    async def call_approved(self, call: ToolCall, approved: str) -> Result:
        """As `call`, where a person has approved of the call with this digest: for this once."""
        self.approved |= {approved}
        try:
            return await self.call(call)
        finally:
            self.approved -= {approved}

    @property
    def may_have_effect(self) -> bool:
        """Whether a person may have to be asked about any of them."""
        return any(tool.labels & (WITH_EFFECT | CARRIES_AWAY) for tool in self.tools.values())

    def judged(self, tool: Tool, arguments: Mapping[str, Any]) -> Verdict:
        """What the rule says of a call at this moment."""
        circumstances = Circumstances(self.untrusted, self.approved, self.can_ask)
        return verdict(tool.labels, digest(tool.name, arguments, self.run), circumstances)


_REFUSED = {
    Verdict.ASK: "This call waits for a person to approve of it.",
    Verdict.OFF: "This call is refused: after texts of others have been read, nothing is sent out"
    " or changed without a person's approval. Go on without it.",
}


async def _run(tool: Tool, call: ToolCall) -> Result:
    if len(str(call["args"])) > MOST_ARGUMENTS:
        return Result(_TOO_LONG, failed=True)
    asked = {**call, "type": "tool_call", "id": call["id"] or "call"}
    try:
        async with asyncio.timeout(tool.seconds) as limit:
            # Whatever somebody's tool raises is its failure, not the end of the run.
            came = await asyncio.gather(tool.runs.ainvoke(asked), return_exceptions=True)
    except TimeoutError:
        if not limit.expired():
            raise
        return Result(f"It took longer than {tool.seconds:g} seconds.", failed=True)
    if isinstance(came[0], BaseException):
        return _failed(tool, came[0])
    message = cast("ToolMessage", came[0])  # LangChain types what a tool gives as Any.
    found = message.artifact if isinstance(message.artifact, Found) else Found()
    return Result(_shortened(_text(message)), failed=message.status == "error", found=found)


def _unfit(tool: Tool, arguments: Mapping[str, Any]) -> str:
    """What is wrong with the arguments; empty for nothing."""
    if len(str(arguments)) > MOST_ARGUMENTS:
        return _TOO_LONG
    if different := unshown(arguments):
        return different
    schema = tool.runs.args_schema
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        try:
            schema.model_validate(dict(arguments))
        except ValidationError as error:
            return _unfitting(error)
    return ""


def _failed(tool: Tool, error: BaseException) -> Result:
    if isinstance(error, AppError):
        return Result(_shortened(f"{error.message} {error.hint}".strip()), failed=True)
    if isinstance(error, ValidationError):
        return Result(_unfitting(error), failed=True)
    if not isinstance(error, Exception):
        raise error
    log.error("tool.failed", tool=tool.name, exc_info=error)
    return Result("The tool failed because of an error in it.", failed=True)


def _unfitting(error: ValidationError) -> str:
    wrong = "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}"
        for one in error.errors()[:5]
    )
    return _shortened(f"The arguments do not fit. {wrong}")


def _text(message: ToolMessage) -> str:
    content = message.content
    if isinstance(content, str):
        return content
    parts = [part if isinstance(part, str) else str(part.get("text", "")) for part in content]
    return "\n".join(part for part in parts if part)


def _shortened(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]}… ({len(text) - MOST_CHARACTERS:,} characters left out)"


def _has(principal: Principal, tool: Tool) -> bool:
    return Scope.ADMIN in principal.scopes or tool.scopes <= principal.scopes
