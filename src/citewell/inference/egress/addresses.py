"""Addresses that requests go to: read once, and narrowly, so that nobody finds another host."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import httpx

from citewell.domain.errors import InvalidError

MAX_ADDRESS = 2000
PORTS = {"http": 80, "https": 443}

# No reader agrees with another one about these: controls, spaces and what is nowhere in a URL.
_DOUBTFUL = re.compile(r'[\x00-\x20\x7f-\xa0\\^`{|}<>"\u2028\u2029\ud800-\udfff]')
_BEGIN = re.compile(r"https?://[^/?#@]+(?:[/?#]|\Z)", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}\.?")
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a server is: scheme, host in lower case, port."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """As a Host header says it: without the port that the scheme implies."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True)
class Address:
    """An http or https URL without user name, password and fragment; `target` is what is asked."""

    origin: Origin
    target: str

    def __str__(self) -> str:
        return f"{self.origin}{self.target}"

    @classmethod
    def read(cls, text: str) -> "Address":
        """Raises `InvalidError` for what is no such URL, or is written so that readers disagree."""
        if problem := _problem_of(text):
            raise refused(problem)
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL as error:
            raise refused("cannot be read") from error
        host = _plain(url.raw_host.decode("ascii"))
        if host is None:
            raise refused("names its host in an unusual way")
        port = PORTS[url.scheme] if url.port is None else url.port
        if not 0 < port < 1 << 16:
            raise refused("has no usable port")
        return cls(Origin(url.scheme, host, port), url.raw_path.decode("ascii"))

    def follow(self, location: str) -> "Address":
        """Where a redirect from here leads; raises as `read`."""
        doubtful = location.startswith("///") or _DOUBTFUL.search(location)
        if len(location) > MAX_ADDRESS or doubtful:
            raise refused("redirects to what is no plain address")
        if _SCHEME.match(location):
            # http:/x and http:x name a host to some and a path to others.
            return Address.read(location)
        try:
            joined = httpx.URL(str(self)).join(location)
        except httpx.InvalidURL as error:
            raise refused("redirects to what cannot be read") from error
        return Address.read(str(joined))


def refused(problem: str) -> InvalidError:
    """The error for an address to which no request may go."""
    return InvalidError(
        f"The address {problem}.",
        hint="Write it as https://host/path, without user name or password.",
    )


def _problem_of(text: str) -> str:
    if len(text) > MAX_ADDRESS:
        return f"has more than {MAX_ADDRESS:,} characters"
    if _DOUBTFUL.search(text):
        return "has spaces, backslashes or other characters that must be written as %XX"
    if not _BEGIN.match(text):
        return "is not a plain http or https one"
    return ""


def _plain(host: str) -> str | None:
    """The host as everybody writes it, None for one that not everybody reads alike."""
    if ":" in host:
        return _literal(host, IPv6Address)
    if _NUMBER.fullmatch(host):
        # 2130706433, 0x7f.1 and 127.1 are addresses too, to some.
        return _literal(host, IPv4Address)
    return host if len(host) <= 254 and _NAME.fullmatch(host) else None


def _literal(host: str, kind: type[IPv4Address | IPv6Address]) -> str | None:
    try:
        return None if "%" in host else str(kind(host))
    except AddressValueError:
        return None
