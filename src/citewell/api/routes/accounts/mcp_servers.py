"""Servers of tools, for whoever administers the tenant."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi import Path as PathField

from citewell.accounts.administration.mcp_servers import McpServers
from citewell.api.deps import AppDep, Caller, RequestKeyDep
from citewell.api.guard import ADMINISTERS, GuardedRoute, allow
from citewell.api.schemas.tools.mcp_servers import (
    McpServerDetail,
    McpServerList,
    McpServerShown,
    McpToolList,
    McpToolShown,
    NewApproval,
    NewMcpServer,
)
from citewell.domain.ids import McpServerId
from citewell.domain.tools.servers import McpTool

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1/mcp-servers", tags=["tools"])

ToolName = Annotated[str, PathField(min_length=1, max_length=200)]


async def _servers(app: AppDep) -> McpServers:
    return McpServers(app.accounts, app.tool_servers)


ServersDep = Annotated[McpServers, Depends(_servers)]


@router.get("", summary="List MCP servers")
@allow(ADMINISTERS)
async def list_mcp_servers(caller: Caller, servers: ServersDep) -> McpServerList:
    """All of them, since there are few."""
    found = await servers.all(caller)
    return McpServerList(items=[McpServerShown.model_validate(one) for one in found])


@router.post("", status_code=201, summary="Add an MCP server")
@allow(ADMINISTERS)
async def add_mcp_server(
    body: NewMcpServer, caller: Caller, servers: ServersDep, once: RequestKeyDep
) -> McpServerShown:
    """It is asked nothing yet, and no model gets its tools: inspect it, then approve of them."""
    return McpServerShown.model_validate(await servers.add(caller, body.place(), once=once))


@router.get("/{server_id}", summary="Show an MCP server")
@allow(ADMINISTERS)
async def get_mcp_server(server_id: UUID, caller: Caller, servers: ServersDep) -> McpServerDetail:
    """With its tools as they were last seen; it is not asked."""
    server, tools = await servers.get(caller, McpServerId(server_id))
    return McpServerDetail.of(server, _listed(tools))


@router.delete("/{server_id}", status_code=204, summary="Remove an MCP server")
@allow(ADMINISTERS)
async def remove_mcp_server(server_id: UUID, caller: Caller, servers: ServersDep) -> Response:
    """Its secret and what was approved of are gone with it."""
    await servers.remove(caller, McpServerId(server_id))
    return Response(status_code=204)


@router.post("/{server_id}/inspect", summary="Ask an MCP server for its tools")
@allow(ADMINISTERS)
async def inspect_mcp_server(server_id: UUID, caller: Caller, servers: ServersDep) -> McpToolList:
    """What it offers now; a tool that is not what was approved is off from here on."""
    return _listed(await servers.inspect(caller, McpServerId(server_id)))


@router.put("/{server_id}/approvals", summary="Approve of a tool")
@allow(ADMINISTERS)
async def approve_mcp_tool(
    server_id: UUID, body: NewApproval, caller: Caller, servers: ServersDep
) -> McpToolList:
    """Language models of the tenant may use it, as long as it stays word for word what it is."""
    return _listed(await servers.approve(caller, McpServerId(server_id), body.approval()))


@router.delete("/{server_id}/approvals/{tool}", status_code=204, summary="Withdraw an approval")
@allow(ADMINISTERS)
async def withdraw_mcp_tool(
    server_id: UUID, tool: ToolName, caller: Caller, servers: ServersDep
) -> Response:
    """Nobody's model uses the tool any more; safe to repeat."""
    await servers.withdraw(caller, McpServerId(server_id), tool)
    return Response(status_code=204)


def _listed(tools: Sequence[McpTool]) -> McpToolList:
    return McpToolList(items=[McpToolShown.of(one) for one in tools])
