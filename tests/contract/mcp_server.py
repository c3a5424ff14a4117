"""A real server of tools, made with the protocol's own library, over real HTTP.

Its tools may be changed while it runs. `heard` holds the headers of every request, as they came.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from mcp.server.fastmcp import Context, FastMCP
from starlette.types import ASGIApp, Receive, Scope, Send

READY_SECONDS = 30.0
HANG_SECONDS = 60.0
ADD, ADDED = "add", "Add two whole numbers."


@dataclass(slots=True)
class McpTestServer:
    """The running server; `url` is its endpoint."""

    mcp: FastMCP
    url: str = ""
    heard: list[dict[str, str]] = field(default_factory=list)
    called: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def offer(self, work: Callable[..., Any], name: str, description: str) -> None:
        """Offer a tool, in place of one of the same name."""
        if any(tool.name == name for tool in self.mcp._tool_manager.list_tools()):
            self.mcp.remove_tool(name)
        self.mcp.add_tool(work, name=name, description=description, structured_output=False)

    def has_heard(self, text: str) -> bool:
        """Whether a text came with any request, in whatever header."""
        return any(text in value for headers in self.heard for value in headers.values())


def with_usual_tools(server: McpTestServer) -> None:
    """One that computes, one that echoes what it was sent, one that hangs and one without end."""

    def add(a: int, b: int) -> str:
        server.called.append((ADD, {"a": a, "b": b}))
        return f"The sum is {a + b}."

    def echo(context: Context[Any, Any, Any]) -> str:
        request = context.request_context.request
        assert request is not None
        return "\n".join(f"{name}: {value}" for name, value in request.headers.items())

    async def hang() -> str:
        for _ in range(int(HANG_SECONDS * 20)):
            if server.stopping.is_set():
                break
            await asyncio.sleep(0.05)
        return "late"

    def large() -> str:
        return "x" * (100 << 20)

    def fails() -> str:
        raise ValueError("FAILED-IN-THE-SERVER")

    server.offer(add, ADD, ADDED)
    server.offer(echo, "echo", "Say what was heard.")
    server.offer(hang, "hang", "Never answer.")
    server.offer(large, "large", "Give a hundred megabytes.")
    server.offer(fails, "fails", "Fail.")


class _Heard:
    """Writes down the headers of every request."""

    def __init__(self, app: ASGIApp, server: McpTestServer) -> None:
        self.app, self.server = app, server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
            self.server.heard.append({**headers, ":path": scope["path"]})
        await self.app(scope, receive, send)


@contextmanager
def mcp_server(*, json_response: bool = False, stateless: bool = False) -> Iterator[McpTestServer]:
    """A server on a free port of loopback, with the usual tools, as long as the context lasts."""
    mcp = FastMCP(
        "test", json_response=json_response, stateless_http=stateless, log_level="CRITICAL"
    )
    state = McpTestServer(mcp)
    with_usual_tools(state)
    with serving(_Heard(mcp.streamable_http_app(), state)) as port:
        state.url = f"http://127.0.0.1:{port}/mcp"
        yield state
        state.stopping.set()


@contextmanager
def serving(app: ASGIApp) -> Iterator[int]:
    """An application in a thread of its own, on the port that is given."""
    config = uvicorn.Config(
        app, log_level="critical", timeout_graceful_shutdown=1, ws="none", lifespan="on"
    )
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(READY_SECONDS)
            assert not thread.is_alive(), "The server of the test has not ended."
