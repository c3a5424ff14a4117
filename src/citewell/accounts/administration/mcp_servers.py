"""Servers of tools: named, looked at, and approved of tool by tool by a tenant's administrators."""

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.accounts.boxes import Box
from citewell.accounts.service import Accounts
from citewell.domain.errors import ConflictError, FieldProblem, InvalidError
from citewell.domain.ids import McpServerId, new_id
from citewell.domain.principal import Principal, Role, Scope
from citewell.domain.tools.labels import Label
from citewell.domain.tools.servers import (
    HEADER,
    SERVER_NAME,
    STRICTEST,
    McpServer,
    McpTool,
    Place,
    ToolState,
)
from citewell.inference.egress.addresses import Address
from citewell.inference.mcp.service import ToolServers
from citewell.storage.repetition import RequestKey, do_once
from citewell.storage.repositories.accounts.mcp_servers import StoredServer

ENABLED_SETTING = "CITEWELL_MCP__ENABLED"
PURPOSE = "secrets of MCP servers"


@dataclass(frozen=True, slots=True)
class Approval:
    """A tool as it was read, by its hash, and what it is allowed to do."""

    tool: str
    sha256: str
    labels: frozenset[Label] = STRICTEST


@dataclass(frozen=True, slots=True)
class McpServers:
    """For administrators of a tenant; off where there are no `servers` to speak with.

    Every method raises `DeniedError`, and `NotFoundError` for a server that is not the tenant's.
    Adding, inspecting and approving raise `ConflictError` where the operator has not turned it on.
    """

    accounts: Accounts
    servers: ToolServers | None

    async def all(self, principal: Principal) -> Sequence[McpServer]:
        """The tenant's, by name."""
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            return await tx.mcp_servers.all()

    async def get(
        self, principal: Principal, server_id: McpServerId
    ) -> tuple[McpServer, Sequence[McpTool]]:
        """A server, and its tools as they were last seen."""
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            stored = await tx.mcp_servers.get(server_id)
            return stored.shown, await tx.mcp_servers.tools(server_id)

    async def add(
        self, principal: Principal, place: Place, *, once: RequestKey | None = None
    ) -> McpServer:
        """Name a server; nobody asks it anything yet.

        Raises `InvalidError` for a place where none can be, `ConflictError` for a name twice.
        """
        principal.require(Scope.ADMIN, Role.ADMIN)
        _check_words(place)
        self._on().check(place)
        server_id = McpServerId(new_id())
        sealed = None
        if place.secret:
            sealed = box_of(self.accounts).close(place.secret.encode(), str(server_id))
        async with self.accounts.database.transaction(principal) as tx:

            async def add() -> McpServer:
                made = await tx.mcp_servers.add(server_id, place, sealed)
                told = {"name": place.name, "at": _shown(place)}
                await tx.audit.record(
                    principal.user_id, "mcp_server.add", str(server_id), details=told
                )
                return made

            mark = self.accounts.repeating.mark(place.secret)
            said = (place.name, str(place.url), str(place.command), place.header, mark)
            key = None if once is None else once.of(principal, *said)
            made, _ = await do_once(tx, key, McpServer, add)
            return made

    async def remove(self, principal: Principal, server_id: McpServerId) -> None:
        """Forget a server, its secret and what was approved of it."""
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            await tx.mcp_servers.remove(server_id)
            await tx.audit.record(principal.user_id, "mcp_server.remove", str(server_id))

    async def inspect(self, principal: Principal, server_id: McpServerId) -> Sequence[McpTool]:
        """Ask a server what it offers now; tools that have changed are off from here on.

        Raises `UpstreamError` and `TimedOutError` for a server that does not answer as it should,
        and `ConflictError` for one to which nothing may be sent, whatever it was when it was added.
        """
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            stored = await tx.mcp_servers.get(server_id)
        servers = self._on()
        try:
            offered = await servers.offered(placed(self.accounts, stored))
        except InvalidError as error:
            # It was named when it still was one; the request is not at fault.
            raise ConflictError(error.message, hint=error.hint) from error
        name = stored.shown.name
        usable = [one for one in offered if not one.problem(name)]
        async with self.accounts.database.transaction(principal) as tx:
            before = {one.offered.name: one.state for one in await tx.mcp_servers.tools(server_id)}
            await tx.mcp_servers.see(server_id, usable)
            after = await tx.mcp_servers.tools(server_id)
            told = {
                "tools": len(usable),
                "left_out": len(offered) - len(usable),
                "off": sorted(
                    one.offered.name
                    for one in after
                    if before.get(one.offered.name) is ToolState.APPROVED
                    and one.state is not ToolState.APPROVED
                ),
            }
            await tx.audit.record(
                principal.user_id, "mcp_server.inspect", str(server_id), details=told
            )
            return after

    async def approve(
        self, principal: Principal, server_id: McpServerId, approval: Approval
    ) -> Sequence[McpTool]:
        """Let language models use a tool, exactly as it was read.

        Raises `ConflictError` when it was last seen to be something else.
        """
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            await tx.mcp_servers.get(server_id)
            self._on()
            tools = {one.offered.name: one for one in await tx.mcp_servers.tools(server_id)}
            tool = tools.get(approval.tool)
            if tool is None or not tool.listed or tool.offered.sha256 != approval.sha256:
                raise ConflictError(
                    f"The server does not offer {approval.tool!r} with this hash.",
                    hint="Inspect the server, read what the tool is now, and approve of that.",
                )
            await tx.mcp_servers.approve(server_id, approval.tool, approval.sha256, approval.labels)
            told = {
                "tool": approval.tool,
                "sha256": approval.sha256,
                "labels": sorted(approval.labels),
            }
            await tx.audit.record(
                principal.user_id, "mcp_tool.approve", str(server_id), details=told
            )
            return await tx.mcp_servers.tools(server_id)

    async def withdraw(self, principal: Principal, server_id: McpServerId, tool: str) -> None:
        """Nobody's model uses a tool any more; safe to repeat."""
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.accounts.database.transaction(principal) as tx:
            await tx.mcp_servers.get(server_id)
            tools = {one.offered.name: one for one in await tx.mcp_servers.tools(server_id)}
            if tool in tools and tools[tool].approved is not None:
                await tx.mcp_servers.approve(server_id, tool, None, STRICTEST)
                await tx.audit.record(
                    principal.user_id, "mcp_tool.withdraw", str(server_id), details={"tool": tool}
                )

    def _on(self) -> ToolServers:
        if self.servers is None:
            raise ConflictError(
                "MCP servers are not used here.", hint=f"The operator can set {ENABLED_SETTING}."
            )
        return self.servers


def box_of(accounts: Accounts) -> Box:
    """What secrets of servers lie in; nothing that is stored opens it."""
    return Box(accounts.repeating.secret, PURPOSE)


def placed(accounts: Accounts, stored: StoredServer) -> Place:
    """Where a server is, with its secret; raises `ConflictError` for one sealed elsewhere."""
    secret = b""
    if stored.sealed_secret is not None:
        try:
            secret = box_of(accounts).open(stored.sealed_secret, str(stored.shown.id))
        except ValueError as error:
            raise ConflictError(
                f"The secret of the MCP server {stored.shown.name!r} does not open.",
                hint="The installation's secret key was replaced: remove the server, add it again.",
            ) from error
    return stored.place(secret.decode())


def _shown(place: Place) -> str:
    """Where it is; the path of an address may be known to few, and the record is kept for long."""
    return str(Address.read(place.url).origin) if place.url else f"command {place.command}"


def _check_words(place: Place) -> None:
    problems = []
    if not SERVER_NAME.fullmatch(place.name):
        problems.append(FieldProblem("name", "Lower case letters, digits and hyphens, 24 at most."))
    if (place.url is None) == (place.command is None):
        problems.append(FieldProblem("url", "Give the address, or the name of a command."))
    if place.command is not None and place.secret:
        problems.append(FieldProblem("secret", "A command gets its secrets from the operator."))
    if not HEADER.fullmatch(place.header):
        problems.append(FieldProblem("header", "authorization, api-key, or x- and a name."))
    if problems:
        raise InvalidError("This is no MCP server.", errors=tuple(problems))
