"""One conversation with a server of tools: opened, bounded in time and bytes, closed.

The library speaks the protocol. Where it would wait for what cannot come any more, or go on with
what was refused, the way there has already told of it, and that ends the conversation.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import (
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    ClientRequest,
    Implementation,
    PaginatedRequestParams,
)

from citewell.domain.errors import AppError, TimedOutError, UpstreamError
from citewell.domain.tools.servers import MOST_TOOLS, Offered
from citewell.inference.egress.lent import BROKEN
from citewell.inference.egress.tool_servers import Client, Way
from citewell.inference.mcp.commands import Command
from citewell.inference.mcp.processes import Heard, Said, started

MOST_PAGES = 20
GOODBYE_SECONDS = 2.0
SESSION_HEADER = "mcp-session-id"
ITSELF = Implementation(name="citewell", version="1")

Result = TypeVar("Result")
Work = Callable[[ClientSession], Awaitable[Result]]


async def talk_over_http(
    name: str, url: str, client: Client, way: Way, work: Work[Result]
) -> Result:
    """What `work` gives; closes the client. Raises `AppError` naming the server."""

    @asynccontextmanager
    async def streams() -> AsyncIterator[tuple[Heard, Said]]:
        async with (
            client,
            streamable_http_client(url, http_client=client, terminate_on_close=False) as (
                heard,
                said,
                session_id,
            ),
        ):
            yield heard, said
            # Only after a conversation that went well: who did not answer is not waited for again.
            if session := session_id():
                with suppress(*BROKEN, AppError, TimeoutError):
                    async with asyncio.timeout(GOODBYE_SECONDS):
                        await client.delete(url, headers={SESSION_HEADER: session})

    return await _within(name, way, streams, work)


async def talk_to_process(name: str, command: Command, way: Way, work: Work[Result]) -> Result:
    """As `talk_over_http`, with a process that lives as long as the conversation."""
    return await _within(name, way, lambda: started(name, command, way), work)


async def listed(session: ClientSession, name: str) -> list[Offered]:
    """Every tool that the server offers; raises `UpstreamError` for too many, or one name twice."""
    found: dict[str, Offered] = {}
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await session.list_tools(params=PaginatedRequestParams(cursor=cursor))
        for tool in page.tools:
            if tool.name in found:
                raise UpstreamError(f"The server {name!r} offers two tools with one name.")
            found[tool.name] = Offered(tool.name, tool.description or "", tool.inputSchema)
        cursor = page.nextCursor
        if not cursor or len(found) > MOST_TOOLS:
            break
    if cursor or len(found) > MOST_TOOLS:
        raise UpstreamError(f"The server {name!r} offers more than {MOST_TOOLS} tools.")
    return list(found.values())


async def called(session: ClientSession, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
    """What a tool gives.

    Without the library's look at the result's form: patterns in a schema of others are not run.
    """
    asked = CallToolRequestParams(name=tool, arguments=dict(arguments))
    return await session.send_request(ClientRequest(CallToolRequest(params=asked)), CallToolResult)


async def _within(name: str, way: Way, streams: Callable[[], Any], work: Work[Result]) -> Result:
    async def note(message: object) -> None:
        if isinstance(message, Exception):
            way.trouble.tell(UpstreamError(f"The server {name!r} sent what is no message."))

    try:
        async with asyncio.timeout(way.seconds) as limit, asyncio.TaskGroup() as group:
            watch = group.create_task(way.trouble.wait())
            async with (
                streams() as (heard, said),
                ClientSession(heard, said, message_handler=note, client_info=ITSELF) as session,
            ):
                await session.initialize()
                result = await work(session)
            watch.cancel()
    except TimeoutError as error:
        raise _cause(error, name, way, is_late=True) from error
    except BaseExceptionGroup as group_:
        raise _cause(group_, name, way, is_late=limit.expired()) from group_
    return result


def _cause(error: BaseException, name: str, way: Way, *, is_late: bool) -> BaseException:
    """What ended the conversation, in our words."""
    first = next(_leaves(error))
    if way.trouble.problem is not None:
        return way.trouble.problem
    if is_late:
        return TimedOutError(f"The server {name!r} did not answer within {way.seconds:g} seconds.")
    if isinstance(first, AppError):
        return first
    if isinstance(first, McpError):
        return UpstreamError(f"The server {name!r} refused: {' '.join(str(first).split())[:300]}")
    if isinstance(first, Exception):
        return UpstreamError(f"The conversation with the server {name!r} broke off.")
    return first


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
