"""Servers of tools of one tenant, and the tools that they offer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from citewell.domain.errors import ConflictError, NotFoundError
from citewell.domain.ids import McpServerId, new_id
from citewell.domain.tools.labels import Label
from citewell.domain.tools.servers import (
    MOST_SERVERS,
    STRICTEST,
    McpServer,
    McpTool,
    Offered,
    Place,
)
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.mcp_servers import mcp_servers, mcp_tools

_SHOWN = mcp_tools.c.listed, mcp_tools.c.labels, mcp_tools.c.approved, mcp_tools.c.approved_at


@dataclass(frozen=True, slots=True)
class StoredServer:
    """A server and its secret, sealed."""

    shown: McpServer
    sealed_secret: bytes | None = field(repr=False)

    def place(self, secret: str) -> Place:
        """Where it is, with its secret opened."""
        server = self.shown
        return Place(server.name, server.url, server.command, server.header, secret)


class McpServerRepository(Scope):
    """Every id is of this tenant, or not found."""

    async def all(self) -> Sequence[McpServer]:
        """By name."""
        found = await self.connection.execute(
            select(mcp_servers)
            .where(mcp_servers.c.tenant_id == self.tenant_id)
            .order_by(mcp_servers.c.name)
        )
        return [_to_server(row).shown for row in found]

    async def get(self, server_id: McpServerId) -> StoredServer:
        """Raises `NotFoundError`."""
        found = await self.connection.execute(
            select(mcp_servers).where(
                mcp_servers.c.tenant_id == self.tenant_id, mcp_servers.c.id == server_id
            )
        )
        row = found.one_or_none()
        if row is None:
            raise NotFoundError(f"No MCP server {server_id}.")
        return _to_server(row)

    async def add(self, server_id: McpServerId, place: Place, sealed: bytes | None) -> McpServer:
        """Raises `ConflictError` for a name that is taken, and for too many."""
        # Two at once must not both find the last place free.
        lock = func.pg_advisory_xact_lock(func.hashtextextended(f"mcp {self.tenant_id}", 0))
        await self.connection.execute(select(lock))
        if len(await self.all()) >= MOST_SERVERS:
            raise ConflictError(
                f"There are {MOST_SERVERS} MCP servers already.", hint="Remove one of them first."
            )
        new = (
            insert(mcp_servers)
            .values(
                id=server_id,
                tenant_id=self.tenant_id,
                name=place.name,
                url=place.url,
                command=place.command,
                header=place.header,
                sealed_secret=sealed,
            )
            .returning(mcp_servers)
        )
        try:
            return _to_server((await self.connection.execute(new)).one()).shown
        except IntegrityError as error:
            raise ConflictError(
                f"There is an MCP server {place.name!r} already.", hint="Choose another name."
            ) from error

    async def remove(self, server_id: McpServerId) -> None:
        """With its tools and what was approved of them. Raises `NotFoundError`."""
        gone = await self.connection.execute(
            delete(mcp_servers).where(
                mcp_servers.c.tenant_id == self.tenant_id, mcp_servers.c.id == server_id
            )
        )
        if gone.rowcount == 0:
            raise NotFoundError(f"No MCP server {server_id}.")

    async def tools(self, server_id: McpServerId) -> Sequence[McpTool]:
        """What it was last seen to offer, and what of it was approved, by name."""
        found = await self.connection.execute(
            select(mcp_tools.c.offered, *_SHOWN)
            .where(self._of(server_id))
            .order_by(mcp_tools.c.name)
        )
        return [_to_tool(row) for row in found]

    async def see(self, server_id: McpServerId, offered: Sequence[Offered]) -> None:
        """Keep what a server offers now; what it offers no more stays only if it was approved."""
        names = [one.name for one in offered]
        gone = self._of(server_id) & mcp_tools.c.name.not_in(names)
        await self.connection.execute(delete(mcp_tools).where(gone, mcp_tools.c.approved.is_(None)))
        await self.connection.execute(update(mcp_tools).where(gone).values(listed=False))
        for one in offered:
            await self.note(server_id, one)
        await self.connection.execute(
            update(mcp_servers)
            .where(mcp_servers.c.tenant_id == self.tenant_id, mcp_servers.c.id == server_id)
            .values(inspected_at=func.now())
        )

    async def note(self, server_id: McpServerId, offered: Offered) -> None:
        """Keep what a tool is now; an approval of what it was stays an approval of that."""
        new = insert(mcp_tools).values(
            id=new_id(),
            tenant_id=self.tenant_id,
            server_id=server_id,
            name=offered.name,
            offered=_to_text(offered),
            listed=True,
            labels=sorted(STRICTEST),
        )
        await self.connection.execute(
            new.on_conflict_do_update(
                index_elements=[mcp_tools.c.server_id, mcp_tools.c.name],
                set_={"offered": new.excluded.offered, "listed": True},
            )
        )

    async def note_gone(self, server_id: McpServerId, name: str) -> None:
        """A tool is not offered any more."""
        gone = update(mcp_tools).where(self._of(server_id), mcp_tools.c.name == name)
        await self.connection.execute(gone.values(listed=False))

    async def approve(
        self, server_id: McpServerId, name: str, sha256: str | None, labels: frozenset[Label]
    ) -> None:
        """Bind an approval to the hash of what was read; None takes it back."""
        await self.connection.execute(
            update(mcp_tools)
            .where(self._of(server_id), mcp_tools.c.name == name)
            .values(
                approved=sha256,
                labels=sorted(labels),
                approved_at=None if sha256 is None else func.now(),
            )
        )

    async def approved(self) -> Sequence[tuple[StoredServer, McpTool]]:
        """Every tool with an approval that is offered, by the names of server and tool."""
        found = await self.connection.execute(
            select(mcp_servers, mcp_tools.c.offered, *_SHOWN)
            .join(mcp_tools, mcp_tools.c.server_id == mcp_servers.c.id)
            .where(
                mcp_servers.c.tenant_id == self.tenant_id,
                mcp_tools.c.tenant_id == self.tenant_id,
                mcp_tools.c.approved.is_not(None),
                mcp_tools.c.listed,
            )
            .order_by(mcp_servers.c.name, mcp_tools.c.name)
        )
        return [(_to_server(row), _to_tool(row)) for row in found]

    def _of(self, server_id: McpServerId) -> Any:
        return (mcp_tools.c.tenant_id == self.tenant_id) & (mcp_tools.c.server_id == server_id)


def _to_server(row: Row[Any]) -> StoredServer:
    shown = McpServer(
        McpServerId(row.id),
        row.name,
        row.url,
        row.command,
        row.header,
        row.sealed_secret is not None,
        row.created_at,
        row.inspected_at,
    )
    return StoredServer(shown, row.sealed_secret)


# Rows of one query, and of one with more columns.
def _to_tool(row: Any) -> McpTool:
    offered = Offered(**json.loads(row.offered))
    labels = frozenset(map(Label, row.labels))
    return McpTool(offered, labels, row.approved, row.approved_at, row.listed)


def _to_text(offered: Offered) -> str:
    said = {"name": offered.name, "description": offered.description, "schema": offered.schema}
    return json.dumps(said)
