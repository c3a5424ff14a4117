"""The approved tools of a tenant, for its runs, and what is written down when one has changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.accounts.administration.mcp_servers import placed
from citewell.accounts.service import Accounts
from citewell.domain.errors import ConflictError
from citewell.domain.principal import Principal
from citewell.domain.tools.servers import AllowedTool, Offered, Place, ToolState
from citewell.storage.repositories.accounts.mcp_servers import StoredServer
from citewell.telemetry.logs import logger

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class AllowedTools:
    """For whoever may ask: which tools there are was decided by an administrator."""

    accounts: Accounts

    async def of(self, principal: Principal) -> Sequence[AllowedTool]:
        """Those that are still what was approved, by the names of server and tool."""
        async with self.accounts.database.transaction(principal) as tx:
            found = await tx.mcp_servers.approved()
        return [
            AllowedTool(stored.shown.id, place, tool.offered, tool.labels)
            for stored, tool in found
            if tool.state is ToolState.APPROVED and (place := self._place(stored)) is not None
        ]

    async def switch_off(
        self, principal: Principal, tool: AllowedTool, now: Offered | None
    ) -> None:
        """Write down that a tool is not any more what was approved; `now` is what it is."""
        told = {
            "tool": tool.offered.name,
            "approved": tool.offered.sha256,
            "now": None if now is None else now.sha256,
        }
        async with self.accounts.database.transaction(principal) as tx:
            if now is None or now.problem(tool.place.name):
                await tx.mcp_servers.note_gone(tool.server_id, tool.offered.name)
            else:
                await tx.mcp_servers.note(tool.server_id, now)
            await tx.audit.record(None, "mcp_tool.off", str(tool.server_id), details=told)

    def _place(self, stored: StoredServer) -> Place | None:
        try:
            return placed(self.accounts, stored)
        except ConflictError:
            # Nobody's question fails because of it; whoever inspects the server is told.
            log.warning("mcp.secret_lost", server=str(stored.shown.id))
            return None
