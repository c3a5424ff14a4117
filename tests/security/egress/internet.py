"""A small internet: names from a real name server, public addresses that lead to one site here.

What goes anywhere else really goes there, to a port where a canary listens, and is counted.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import cycle
from typing import cast

import httpcore

from citewell.inference.egress.addresses import Origin
from citewell.inference.egress.exchange import Bounds
from citewell.inference.egress.network import Network
from citewell.inference.egress.web import Web

# Of the public network; nobody here ever gets there.
PUBLIC = "93.184.215.14"
PUBLIC_6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"
CANARIES = ("127.0.0.1", "127.0.0.2", "127.123.123.123")
CANARY_6 = "::1"
# Beyond these seconds a test has failed.
PATIENCE = 30.0

Send = Callable[[asyncio.StreamWriter], Awaitable[None]]


def http(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    if "content_length" not in headers:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def redirect(location: str, status: int = 302) -> bytes:
    return http(status, location=location.encode("utf-8").decode("latin-1"))


@dataclass(slots=True)
class Internet(httpcore.AsyncNetworkBackend):
    """`names` says what each is; `pages` what the site sends for a host and path."""

    site_port: int = 0
    canary_port: int = 0
    names_port: int = 0
    names: dict[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    pages: dict[tuple[str, str], bytes | Send] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    lookups: list[str] = field(default_factory=list)
    dialled: list[tuple[str, int]] = field(default_factory=list)
    knocks: int = 0
    _turns: dict[str, "cycle[Sequence[str]]"] = field(default_factory=dict)
    _dial: httpcore.AsyncNetworkBackend = field(default_factory=httpcore.AnyIOBackend)

    def web(self, bounds: Bounds | None = None) -> Web:
        network = Network(resolve=self.resolve, dial=self)
        return Web(network=network, bounds=bounds or Bounds(PATIENCE, 1 << 20))

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.dialled.append((host, port))
        if host in {PUBLIC, PUBLIC_6}:
            return await self._dial.connect_tcp("127.0.0.1", self.site_port, timeout)
        if not (ip_address(host).is_loopback or ip_address(host).is_unspecified):
            raise httpcore.ConnectError("Nobody is there.")
        return await self._dial.connect_tcp(host, self.canary_port, timeout)

    @property
    def origin(self) -> Origin:
        """Where the site really is."""
        return Origin("http", "127.0.0.1", self.site_port)

    @property
    def strayed(self) -> list[str]:
        """Where a connection was begun that is not the site's address."""
        return [host for host, _ in self.dialled if host not in {PUBLIC, PUBLIC_6}]

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Asks the name server, over its wire, unless the system takes the name for a number."""
        try:
            numeric = socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)
        except OSError:
            return await ask(self.names_port, host)
        return [str(one[4][0]) for one in numeric]

    def answers(self, name: str) -> Sequence[str]:
        """The next answer for a name; they take turns."""
        self.lookups.append(name)
        if name not in self.names:
            return []
        return next(self._turns.setdefault(name, cycle(self.names[name])))


async def ask(port: int, name: str) -> Sequence[str]:
    """What a name server answers, of both kinds of addresses; raises `OSError` for nothing."""
    labels = name.rstrip(".").encode("ascii").split(b".")
    question = b"".join(bytes([len(one)]) + one for one in labels) + b"\x00"
    got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    class Heard(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            got.set_result(data)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Heard, remote_addr=("127.0.0.1", port)
    )
    try:
        transport.sendto(struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + question + b"\x00\xff\x00\x01")
        reply = await asyncio.wait_for(got, PATIENCE)
    finally:
        transport.close()
    count = struct.unpack_from("!H", reply, 6)[0]
    at, found = 12 + len(question) + 4, []
    for _ in range(count):
        _, _, ttl, length = struct.unpack_from("!HHIH", reply, at + 2)
        assert ttl == 0
        found.append(str(ip_address(reply[at + 12 : at + 12 + length])))
        at += 12 + length
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")
    return found


@dataclass(slots=True)
class NameServer(asyncio.DatagramProtocol):
    """Answers every question from the internet's table, to be forgotten at once."""

    internet: Internet
    transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        at, labels = 12, []
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        answers = self.internet.answers(".".join(labels).lower())
        reply = data[:2] + struct.pack("!5H", 0x8180, 1, len(answers), 0, 0) + data[12 : at + 5]
        for one in answers:
            packed = ip_address(one).packed
            kind = 1 if len(packed) == 4 else 28
            reply += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(packed)) + packed
        assert self.transport is not None
        self.transport.sendto(reply, addr)


def has_loopback_6() -> bool:
    """A machine without one has nobody there who could be reached."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((CANARY_6, 0))
    except OSError:
        return False
    return True


@asynccontextmanager
async def small_internet() -> AsyncIterator[Internet]:
    """Running for as long as the context lasts; a canary that was touched has `knocks`."""
    internet = Internet()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            path = head[0].split(" ")[1]
            host = next(one[6:] for one in head if one.lower().startswith("host: "))
            internet.asked.append((host, path))
            page = internet.pages.get((host, path), http(404))
            if isinstance(page, bytes):
                writer.write(page)
                await writer.drain()
            else:
                await page(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # The client has heard enough.
        finally:
            writer.close()

    async def knocked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        internet.knocks += 1
        writer.close()

    loop = asyncio.get_running_loop()
    site = await asyncio.start_server(serve, "127.0.0.1", 0)
    canary = await asyncio.start_server(knocked, CANARIES[0], 0)
    internet.site_port = site.sockets[0].getsockname()[1]
    internet.canary_port = canary.sockets[0].getsockname()[1]
    more = [
        await asyncio.start_server(knocked, address, internet.canary_port)
        for address in (*CANARIES[1:], *([CANARY_6] if has_loopback_6() else []))
    ]
    names, _ = await loop.create_datagram_endpoint(
        lambda: NameServer(internet), local_addr=("127.0.0.1", 0)
    )
    internet.names_port = names.get_extra_info("sockname")[1]
    try:
        yield internet
    finally:
        names.close()
        for server in (site, canary, *more):
            server.close()
            await server.wait_closed()
