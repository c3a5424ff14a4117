"""One request and its whole answer: bounded in time and in bytes, compressed ones included."""

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import cache

import httpcore
import httpx

from citewell.domain.errors import UpstreamError
from citewell.inference.egress.addresses import Address
from citewell.inference.egress.network import CONNECT_SECONDS, Network

AGENT = "citewell"
# Both kinds that zlib reads, by their head.
_ANY_HEAD = zlib.MAX_WBITS | 32
_BROKEN = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError)


class UnreachableError(Exception):
    """No answer came: refused, broken off, or too slow. Asking again may help."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, whatever its status; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one exchange may take: seconds from its start to its end, and bytes."""

    seconds: float
    size: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of an address; `content` and the headers may hold secrets."""

    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)


async def exchange(network: Network, address: Address, asked: Asked, bounds: Bounds) -> Reply:
    """The answer, unpacked; redirects are answers. The connection is closed afterwards.

    Raises `NotPublicError` as the network does, `UnreachableError` if no whole answer comes in
    time, and `UpstreamError` for one that is over its bytes or packed in an unknown way.
    """
    host = address.origin.host
    try:
        async with asyncio.timeout(bounds.seconds):
            # The first one reads the certificates: longer than the loop may be held up.
            believed = await asyncio.to_thread(certificates)
            pool = httpcore.AsyncConnectionPool(
                ssl_context=believed, max_keepalive_connections=0, network_backend=network
            )
            sent = pool.stream(
                asked.method,
                _url(address),
                headers=_headers(address, asked),
                content=asked.content,
                extensions={"timeout": {"connect": CONNECT_SECONDS}},
            )
            async with pool, sent as response:
                return await _whole(response, host, bounds.size)
    except TimeoutError as problem:
        cause = f"no whole answer within {bounds.seconds:g} s"
        raise UnreachableError(f"{host}: {cause}") from problem
    except _BROKEN as problem:
        raise UnreachableError(f"{host}: {str(problem) or type(problem).__name__}") from problem


def over(host: str, most: int) -> UpstreamError:
    """The error for an answer with more bytes than it may have."""
    size = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most >> 10} kB"
    return UpstreamError(
        f"{host} answered with more than {size}.",
        hint="Check that the address is that of the server that is meant.",
    )


@cache
def certificates() -> ssl.SSLContext:
    """The certificates that are believed; reading them takes a few hundredths of a second."""
    return httpx.create_ssl_context(trust_env=False)


def _url(address: Address) -> httpcore.URL:
    scheme, host = address.origin.scheme.encode(), address.origin.host.encode()
    target = address.target.encode()
    return httpcore.URL(scheme=scheme, host=host, port=address.origin.port, target=target)


def _headers(address: Address, asked: Asked) -> list[tuple[bytes | str, bytes | str]]:
    headers = {
        "host": address.origin.authority,
        "user-agent": AGENT,
        "accept": "*/*",
        "accept-encoding": "gzip",
        "connection": "close",
        **asked.headers,
    }
    if asked.content is not None:
        headers["content-length"] = str(len(asked.content))
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _whole(response: httpcore.Response, host: str, most: int) -> Reply:
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
    }
    packed = headers.get("content-encoding", "identity").strip().lower()
    pieces = response.aiter_stream()
    if packed in {"gzip", "x-gzip", "deflate"}:
        pieces = _unpacked(pieces, host, most)
    elif packed not in {"identity", ""}:
        raise UpstreamError(
            f"{host} packed its answer as {packed[:40]!r}, which was not asked for.",
            hint="Ask for the address without a proxy that packs answers.",
        )
    content = bytearray()
    async for piece in pieces:
        content += piece
        if len(content) > most:
            raise over(host, most)
    return Reply(response.status, headers, bytes(content))


async def _unpacked(pieces: AsyncIterable[bytes], host: str, most: int) -> AsyncIterator[bytes]:
    """What is inside, never more than `most` bytes and one at a time."""
    inside, left = zlib.decompressobj(_ANY_HEAD), most + 1
    try:
        async for piece in pieces:
            out = inside.decompress(piece, left)
            left -= len(out)
            yield out
            if left <= 0:
                return
    except zlib.error as problem:
        raise UnreachableError(f"{host}: the answer cannot be unpacked") from problem
    if not inside.eof:
        raise UnreachableError(f"{host}: the answer breaks off")
