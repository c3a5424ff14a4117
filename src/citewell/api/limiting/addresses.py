"""Where a request comes from, as far as that can be believed."""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from starlette.datastructures import Headers
from starlette.types import Scope

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
ProxyHeader = Literal["x-forwarded-for", "forwarded"]
# What one customer gets; whoever has one IPv6 address has all of these.
IPV6_CUSTOMER = 64


def client_of(scope: Scope, trusted: Sequence[Network], header: ProxyHeader) -> str:
    """The address or IPv6 network that a request is counted against.

    A header is believed only as far as trusted proxies wrote it: from its end, back to the first
    address that is none of theirs. `header` is the one that they write; the other is ignored.
    """
    peer = (scope.get("client") or ("",))[0]
    found = _address(peer)
    if found is None:
        return "unknown"
    if _is_in(found, trusted):
        for told in reversed(list(_told(Headers(scope=scope).getlist(header), header))):
            further = _address(told)
            if further is None:
                break
            found = further
            if not _is_in(found, trusted):
                break
    return _counted(found)


def _told(values: Iterable[str], header: ProxyHeader) -> Iterator[str]:
    for value in values:
        for element in value.split(","):
            yield element.strip() if header == "x-forwarded-for" else _for(element)


def _for(element: str) -> str:
    """The `for` of an element of `Forwarded` (RFC 7239), which may be quoted and have a port."""
    for pair in element.split(";"):
        name, _, value = pair.strip().partition("=")
        if name.lower() == "for":
            return value.strip('"')
    return ""


def _address(text: str) -> Address | None:
    bare = text[1:].partition("]")[0] if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _counted(address: Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.IPv6Network((address, IPV6_CUSTOMER), strict=False))
