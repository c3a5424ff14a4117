"""The way out: a name is resolved once, judged, and only what was judged is connected to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpcore

from citewell.inference.egress.addresses import Origin

CONNECT_SECONDS = 5.0
# A name with more addresses than this is tried at the first ones.
MOST_TRIED = 4
NAMES_AT_ONCE = 8

Ip = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

# The registries of special-purpose addresses (RFC 6890 and its successors), multicast, and an
# address at which a large cloud gives its machines their secrets.
_SPECIAL_4 = tuple(
    ip_network(one)
    for one in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32",
        "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24",
        "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
    )
)  # fmt: skip
# Of version 6 only what is handed out to networks of the public; mapped addresses, NAT64, 6to4
# and Teredo carry one of version 4 inside, which somebody on the way would go to.
_PUBLIC_6 = ip_network("2000::/3")
_SPECIAL_6 = tuple(
    ip_network(one)
    for one in (
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
    )
)  # fmt: skip


class NotPublicError(Exception):
    """The name has no address, or one that is not of the public network."""


def is_public(ip: Ip) -> bool:
    """Whether an address is global unicast: one machine, anywhere, that everybody could reach."""
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _SPECIAL_4)
    inside = ip in _PUBLIC_6 and ip.scope_id is None
    return inside and not any(ip in network for network in _SPECIAL_6)


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses that the system knows of a name, best first; raises `OSError`."""
    look = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_threads(), look)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@cache
def _threads() -> ThreadPoolExecutor:
    """Of their own: names whose servers never answer hold up nothing but other names."""
    return ThreadPoolExecutor(NAMES_AT_ONCE, "names")


@dataclass(frozen=True, slots=True)
class Network(httpcore.AsyncNetworkBackend):
    """What connections are made through; raises `NotPublicError` for those that are not made.

    Every answer for a name must be public, and the connection goes to one of those answers: nobody
    asks again. Only `trusted`, an origin that the operator has named, may be anywhere.
    """

    trusted: Origin | None = None
    resolve: Resolve = resolve
    dial: httpcore.AsyncNetworkBackend = field(default_factory=httpcore.AnyIOBackend)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the host of a URL; TLS is spoken over it with the name of the URL."""
        if self.trusted is not None and (self.trusted.host, self.trusted.port) == (host, port):
            return await self.dial.connect_tcp(host, port, timeout, local_address, socket_options)
        problem: Exception = NotPublicError()
        for address in (await self._public(host, port))[:MOST_TRIED]:
            try:
                return await self.dial.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem

    async def _public(self, host: str, port: int) -> Sequence[str]:
        try:
            found = [ip_address(one) for one in await self._answers(host, port)]
        except (OSError, ValueError) as error:
            raise NotPublicError from error
        if not found or not all(map(is_public, found)):
            raise NotPublicError
        return [str(one) for one in found]

    async def _answers(self, host: str, port: int) -> Sequence[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            return await self.resolve(host, port)
