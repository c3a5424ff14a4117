"""What a peer of a WebSocket may do beside sending messages, until it is let go.

What Origins, tickets, messages and the end of a session do is shown in tests/api/test_sign_in.py,
tests/api/test_events.py and test_endings.py.
"""

import asyncio
import os
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest
from fastapi import FastAPI
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from citewell.api import sockets
from citewell.bootstrap import App
from citewell.cli.running import serving, socket_protocol
from citewell.config import Settings
from tests.api.test_events import served
from tests.conftest import Counted
from tests.journeys.conftest import Server

SECONDS = 30.0
TEXT, CONTINUES, CLOSE, PING, PONG = 1, 0, 8, 9, 10
MEBIBYTE = 1024 * 1024
BOMBS, STORM_BOMBS = 10, 200


def frame(kind: int, payload: bytes = b"", *, fin: bool = True, packed: bool = False) -> bytes:
    """A client's frame (RFC 6455, 5.2) under a mask of zeros."""
    first = kind | (0x80 if fin else 0) | (0x40 if packed else 0)
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    return head + bytes(4) + payload


@dataclass(frozen=True, slots=True)
class Peer:
    """A client that does as it likes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *frames: bytes) -> None:
        """As much as the server takes; it may have gone away."""
        try:
            self.writer.write(b"".join(frames))
            async with asyncio.timeout(SECONDS):
                await self.writer.drain()
        except ConnectionError:
            pass

    async def next_frame(self) -> tuple[int, bytes]:
        """A frame of the server's, which is never masked."""
        first, size = struct.unpack("!BB", await self.reader.readexactly(2))
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        return first & 15, await self.reader.readexactly(size)

    async def close_code(self) -> int:
        """With which code the server ends it; 1006 without one. Fails when it does not."""
        async with asyncio.timeout(SECONDS):
            try:
                while True:
                    kind, payload = await self.next_frame()
                    if kind == CLOSE:
                        return int(struct.unpack("!H", payload[:2])[0])
            except (asyncio.IncompleteReadError, ConnectionError):
                return 1006

    async def pong(self) -> bool:
        """Whether the server answers a message."""
        await self.send(frame(TEXT, b'{"op": "ping"}'))
        async with asyncio.timeout(SECONDS):
            while True:
                kind, payload = await self.next_frame()
                if kind == TEXT and b"pong" in payload:
                    return True


@asynccontextmanager
async def peer(address: str, key: str, *, packs: bool = False) -> AsyncIterator[Peer]:
    """A peer that was let in."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [
        "GET /ws HTTP/1.1", f"Host: {address}", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Authorization: Bearer {key}",
    ]  # fmt: skip
    if packs:
        lines.append("Sec-WebSocket-Extensions: permessage-deflate")
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        async with asyncio.timeout(SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head.split(b"\r\n")[0], head
        assert (b"permessage-deflate" in head) == packs
        yield Peer(reader, writer)
    finally:
        writer.transport.abort()


@pytest.fixture
async def address(api: FastAPI) -> AsyncIterator[str]:
    async with served(api) as found:
        yield found


FLOODS = {
    "pings": ([frame(PING, b"x" * 125)] * 20_000, socket_protocol.POLICY),
    "pongs": ([frame(PONG)] * 20_000, socket_protocol.POLICY),
    "empty fragments": (
        [frame(TEXT, b"{", fin=False), *[frame(CONTINUES, fin=False)] * 20_000],
        socket_protocol.TOO_BIG,
    ),
    "fragments without an end": (
        [frame(TEXT, b"x", fin=False), *[frame(CONTINUES, b"x" * 8000, fin=False)] * 100],
        socket_protocol.TOO_BIG,
    ),
    "a frame that announces much": ([frame(TEXT, b"x" * 70_000)], sockets.TOO_BIG),
}


@pytest.mark.parametrize(("sent", "code"), FLOODS.values(), ids=FLOODS)
async def test_whoever_floods_a_socket_is_let_go_and_nobody_else(
    address: str, app: App, sent: list[bytes], code: int
) -> None:
    async with peer(address, app.admin_key) as other, peer(address, app.admin_key) as flooding:
        await flooding.send(*sent)
        # A server that closes on what it has not read may lose the close frame on its way.
        assert await flooding.close_code() in {code, 1006}
        assert await other.pong()


async def test_messages_are_read_as_the_application_keeps_up(
    address: str, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty thousand in one go: nobody else waits until all of them are understood."""
    pieces = []
    handle = WebSocketsSansIOProtocol.data_received

    def noted(self: socket_protocol.SocketProtocol, data: bytes) -> None:
        pieces.append(len(data))
        handle(self, data)

    monkeypatch.setattr(WebSocketsSansIOProtocol, "data_received", noted)
    async with peer(address, app.admin_key) as other, peer(address, app.admin_key) as busy:
        await busy.send(*[frame(TEXT, b"{}")] * 1_000)
        assert await other.pong()
        answers = 0
        async with asyncio.timeout(SECONDS):
            while answers < 1_000:
                kind, payload = await busy.next_frame()
                answers += kind == TEXT and b"error" in payload
    assert max(pieces) <= socket_protocol.PIECE_BYTES


async def test_whoever_does_not_read_keeps_nothing_of_the_server(
    address: str, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection is cut when it does not take the close that it was sent."""
    monkeypatch.setattr(socket_protocol, "LEAVE_SECONDS", 0.5)
    gone = asyncio.Event()
    lose = socket_protocol.SocketProtocol.connection_lost

    def noted(self: socket_protocol.SocketProtocol, exc: Exception | None) -> None:
        lose(self, exc)
        gone.set()

    async with peer(address, app.admin_key) as deaf:
        monkeypatch.setattr(socket_protocol.SocketProtocol, "connection_lost", noted)
        monkeypatch.setattr(socket_protocol, "MAX_CONTROLS", 10**6)
        deaf.reader._transport.pause_reading()  # type: ignore[attr-defined]  # in no stub
        sending = asyncio.ensure_future(deaf.send(*[frame(PING, os.urandom(125))] * 200_000))
        await asyncio.wait([sending], timeout=2)
        monkeypatch.setattr(socket_protocol, "MAX_CONTROLS", 0)
        async with asyncio.timeout(SECONDS):
            await gone.wait()
        sending.cancel()


async def test_a_peer_that_answers_no_ping_is_let_go(
    api: FastAPI, app: App, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the patience of a server shortened; what it is in earnest is read from there."""
    earnest = serving.Serving(settings)._configuration()
    assert earnest.ws is socket_protocol.SocketProtocol
    assert earnest.ws_max_size == 64 * 1024
    assert (earnest.ws_ping_interval or 0) + (earnest.ws_ping_timeout or 0) <= 60
    assert earnest.ws_ping_interval
    assert earnest.ws_ping_timeout
    begin = socket_protocol.SocketProtocol.start_keepalive

    def impatient(self: socket_protocol.SocketProtocol) -> None:
        self.ping_interval = self.ping_timeout = 0.2
        begin(self)

    monkeypatch.setattr(socket_protocol.SocketProtocol, "start_keepalive", impatient)
    async with served(api) as address, peer(address, app.admin_key) as silent:
        assert await silent.close_code() == 1011


def bomb(size: int) -> bytes:
    """A message of so many zeros, as the smallest frame that unfolds to it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    packed = packer.compress(bytes(size)) + packer.flush(zlib.Z_SYNC_FLUSH)
    return frame(TEXT, packed.removesuffix(b"\0\0\xff\xff"), packed=True)


async def test_a_message_that_unfolds_to_much_is_never_unfolded(
    two: tuple[Server, Server], storm: bool, record_property: Counted
) -> None:
    """The frame fits; what is in it would be a thousand times as large."""
    _, server = two
    address = server.address.removeprefix("http://")
    sent = bomb(60 * MEBIBYTE)
    assert len(sent) < sockets.FRAME_BYTES
    process = psutil.Process(server.running.pid)
    async with peer(address, server.key) as other:
        assert await other.pong()
        before = process.memory_info().rss
        for _ in range(STORM_BOMBS if storm else BOMBS):
            async with peer(address, server.key, packs=True) as hostile:
                await hostile.send(sent)
                assert await hostile.close_code() == sockets.TOO_BIG
        grown = process.memory_info().rss - before
        assert await other.pong()
    assert grown < 50 * MEBIBYTE, "not even one of them was held whole"
    record_property("grown", f"{grown / MEBIBYTE:.1f} MiB")
