"""Approved tools of MCP servers, as tools of one run.

What a server's tools may do is what an administrator has declared, whatever the server says of
itself. Each call goes through `ToolServers`, which looks first whether the tool is still word for
word what was approved; the adapter's own way to a server is never gone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from citewell.agent.prompts.fencing import seen
from citewell.agent.tools.contract import Setting, Tool
from citewell.domain.errors import InvalidError
from citewell.domain.principal import Principal
from citewell.domain.tools.servers import AllowedTool, Offered
from citewell.inference.mcp.service import NotApprovedError, ToolServers
from citewell.telemetry.logs import logger

if TYPE_CHECKING:
    from mcp.types import CallToolResult

# Beyond what one conversation may take: a turn may have to be waited for.
SECONDS = 45.0
MOST_OFFERED = 32

log = logger(__name__)


Allowed = Callable[[Principal], Awaitable[Sequence[AllowedTool]]]
"""The approved tools of a caller's tenant that are still what was approved."""

SwitchOff = Callable[[Principal, AllowedTool, Offered | None], Awaitable[None]]
"""Nobody is offered a tool from here on that has become something else, until it is approved."""


@dataclass(frozen=True, slots=True)
class ServerTools:
    """The tools of a tenant's servers."""

    servers: ToolServers
    allowed: Allowed
    switch_off: SwitchOff

    async def made(self, setting: Setting, taken: Collection[str]) -> list[Tool]:
        """Those for one run, `MOST_OFFERED` at most; a name that is `taken` is not given again."""
        allowed = await self.allowed(setting.principal)
        if not allowed:
            return []
        adapter = await asyncio.to_thread(_adapter)
        found = [one for one in allowed if one.offered.named_by(one.place.name) not in taken]
        if len(found) < len(allowed) or len(found) > MOST_OFFERED:
            log.warning("mcp.left_out", tools=len(allowed) - min(len(found), MOST_OFFERED))
        return [self._tool(adapter, setting, one) for one in found[:MOST_OFFERED]]

    def _tool(self, adapter: ModuleType, setting: Setting, allowed: AllowedTool) -> Tool:
        async def call(request: Any, _: object) -> "CallToolResult":
            _check_names(allowed, request.args)
            try:
                return await self.servers.call(allowed.place, allowed.offered, request.args)
            except NotApprovedError as error:
                await self.switch_off(setting.principal, allowed, error.now)
                raise

        runs = adapter.convert_mcp_tool_to_langchain_tool(
            None,
            adapter.MCPTool(
                name=allowed.offered.named_by(allowed.place.name),
                description=seen(allowed.offered.description),
                inputSchema=_seen(allowed.offered.schema),
            ),
            # Never used: `call` stands before it.
            connection={"transport": "stdio", "command": "", "args": []},
            tool_interceptors=[call],
        )
        return Tool(runs, allowed.labels, seconds=SECONDS)


def _adapter() -> ModuleType:
    """The library; two seconds to import, for those who have approved of something."""
    from langchain_mcp_adapters import tools

    return tools


def _check_names(allowed: AllowedTool, arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that the approved schema does not name; the server checks their values."""
    schema = allowed.offered.schema
    if schema.get("additionalProperties", False) is not False:
        return
    known = schema.get("properties", {})
    if odd := sorted(set(arguments) - set(known)):
        raise InvalidError(f"The arguments {', '.join(odd)[:200]} are not known.")


def _seen(value: Any) -> Any:
    """The same, without what no reader sees."""
    if isinstance(value, str):
        return seen(value)
    if isinstance(value, Mapping):
        return {seen(str(name)): _seen(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_seen(one) for one in value]
    return value
