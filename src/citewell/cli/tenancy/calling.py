"""The way to the scratch server: requests and WebSockets, each with an end, none with a memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx
    from websockets.asyncio.client import ClientConnection

SECONDS = 30.0
BYTES = 16 * 1024 * 1024
BUSY, BUSY_TRIES = 503, 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the status is 0 when nothing did in time, or too much.

    `beside` is what came at the same time and may differ from one answer to the next.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    beside: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the caller got what they asked for."""
        return 200 <= self.status < 400

    @property
    def text(self) -> str:
        """The body, with what is no text replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body understood; raises `ValueError`."""
        return json.loads(self.body)

    def cookie(self, name: str) -> str:
        """The value of a cookie that is set; raises `KeyError`."""
        jar = SimpleCookie("; ".join(value for key, value in self.headers if key == "set-cookie"))
        return jar[name].value


@dataclass(frozen=True, slots=True)
class Socket:
    """An open WebSocket that carries JSON. Raises `ConnectionError` when it has ended."""

    _socket: "ClientConnection"

    async def say(self, frame: Mapping[str, Any]) -> None:
        """Send a frame."""
        await self._lasting(self._socket.send(json.dumps(frame)))

    async def hear(self) -> Any:
        """The next frame; raises `TimeoutError`."""
        return json.loads(await self._lasting(self._socket.recv()))

    async def _lasting(self, step: Awaitable[Any]) -> Any:
        from websockets.exceptions import WebSocketException

        try:
            async with asyncio.timeout(SECONDS):
                return await step
        except WebSocketException as error:
            raise ConnectionError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Line:
    """Calls one server; what it sets as a cookie is in no later call."""

    address: str
    _http: "httpx.AsyncClient"

    async def send(self, method: str, path: str, **options: Any) -> Answer:
        """The whole answer; a server that is busy is asked again, as it says."""
        for _ in range(BUSY_TRIES):
            answer = await self._send(method, path, options)
            if answer.status != BUSY:
                break
        return answer

    async def _send(self, method: str, path: str, options: Mapping[str, Any]) -> Answer:
        import httpx

        body = bytearray()
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._http.stream(method, path, **options) as reply,
            ):
                async for piece in reply.aiter_bytes():
                    body += piece
                    if len(body) > BYTES:
                        return Answer(0)
        except (TimeoutError, httpx.TransportError):
            return Answer(0)
        return Answer(reply.status_code, tuple(reply.headers.multi_items()), bytes(body))

    @asynccontextmanager
    async def socket(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[Socket | Answer]:
        """A WebSocket, or the answer that refuses it."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidStatus

        url = self.address.replace("http", "ws", 1) + path
        try:
            opened = await connect(url, additional_headers=headers, proxy=None)
        except InvalidStatus as refused:
            reply = refused.response
            heads = tuple((name.lower(), value) for name, value in reply.headers.raw_items())
            yield Answer(reply.status_code, heads, bytes(reply.body or b""))
            return
        async with opened:
            yield Socket(opened)


@asynccontextmanager
async def line_to(address: str) -> AsyncIterator[Line]:
    """A line to the server at this address, which must be one of our own."""
    import httpx

    async with httpx.AsyncClient(base_url=address, timeout=SECONDS, trust_env=False) as http:
        http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        yield Line(address, http)
