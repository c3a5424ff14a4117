"""How this installation is registered with a provider, and which addresses may be its own."""

import ipaddress
from dataclasses import dataclass, field

from citewell.domain.errors import InvalidError, StartError, UpstreamError
from citewell.inference.egress.addresses import Address

CALLBACK = "/auth/oidc/callback"


@dataclass(frozen=True, slots=True)
class Registration:
    """The provider and who we are to it; without a `secret` the client is a public one."""

    issuer: str
    client_id: str
    public_url: str
    secret: str | None = field(default=None, repr=False)
    name: str = ""

    def __post_init__(self) -> None:
        """Raises `StartError` for an address that no sign-in can go through."""
        for variable, address in (("ISSUER", self.issuer), ("PUBLIC_URL", self.public_url)):
            if problem := _problem_of(address):
                raise StartError(
                    f"CITEWELL_OIDC__{variable} {problem}.",
                    hint="Write it as https://host/path; http is for loopback only.",
                )

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends the browser back to."""
        return self.public_url.rstrip("/") + CALLBACK

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach this server by https."""
        return self.public_url.startswith("https:")

    @property
    def shown_name(self) -> str:
        """What the provider is called on the page."""
        return self.name or _host_of(self.issuer)

    def check_endpoint(self, name: str, address: object) -> str:
        """An address that the provider names; raises `UpstreamError` for one that is not its own.

        A certificate proves whose it is. Only a provider that is itself on this machine may name
        addresses of this machine.
        """
        if not isinstance(address, str):
            raise misdescribed(f"its {name} is missing")
        if problem := _problem_of(address, with_query=True):
            raise misdescribed(f"its {name} {problem}")
        if _is_near(_host_of(address)) and not _is_near(_host_of(self.issuer)):
            raise misdescribed(f"its {name} is on this machine, and it is not")
        return address


def misdescribed(what: str) -> UpstreamError:
    """The error for a provider whose description of itself cannot be used."""
    return UpstreamError(
        f"The sign-in provider describes itself wrongly: {what}.",
        hint="Check CITEWELL_OIDC__ISSUER, and the settings at the provider.",
    )


def _problem_of(address: str, *, with_query: bool = False) -> str:
    """Why no request may go to an address, empty when one may."""
    try:
        origin = Address.read(address).origin
    except InvalidError:
        return "is no plain address"
    if not address.isascii() or "#" in address or ("?" in address and not with_query):
        return "has a fragment, a query or other letters than those of ASCII"
    if origin.scheme == "http" and not _is_loopback(origin.host):
        return "is not https"
    return ""


def _host_of(address: str) -> str:
    return Address.read(address).origin.host.rstrip(".")


def _is_loopback(host: str) -> bool:
    found = _ip(host)
    return host == "localhost" if found is None else found.is_loopback


def _is_near(host: str) -> bool:
    """Of this machine or its wire, by any name that says so."""
    found = _ip(host)
    if found is None:
        return host == "localhost" or host.endswith(".localhost")
    return found.is_loopback or found.is_unspecified or found.is_link_local


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
