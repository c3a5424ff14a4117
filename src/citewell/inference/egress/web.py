"""Pages of the web that somebody who is not the operator has named."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from citewell.domain.errors import InvalidError, TimedOutError, UpstreamError
from citewell.inference.egress.addresses import PORTS, Address, Origin
from citewell.inference.egress.exchange import Asked, Bounds, Reply, UnreachableError, exchange
from citewell.inference.egress.network import Network, NotPublicError

SECONDS = 20.0
MOST_BYTES = 10 * 1024 * 1024
MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
ORIGINS_SETTING = "CITEWELL_FETCH__ORIGINS"


@dataclass(frozen=True, slots=True)
class Page:
    """What an address held, and the one where it was found after redirects."""

    address: Address
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Web:
    """The public web, on the usual ports, and the `origins` that the operator has added to it.

    Every step is judged when it is taken, redirects too; one leads to an added origin only from
    there. `bounds` hold for all steps together.
    """

    origins: frozenset[Origin] = frozenset()
    network: Network = field(default_factory=Network)
    bounds: Bounds = field(default_factory=partial(Bounds, SECONDS, MOST_BYTES))

    async def get(self, text: str) -> Page:
        """The page at an address.

        Raises `InvalidError` for an address that is not fetched, `TimedOutError`, and
        `UpstreamError` for a page that is not there, moves too often or is too large.
        """
        try:
            async with asyncio.timeout(self.bounds.seconds):
                return await self._follow(Address.read(text))
        except TimeoutError as error:
            raise TimedOutError(
                f"The page did not arrive within {self.bounds.seconds:g} seconds.",
                hint="Try again later, or download it and upload the file.",
            ) from error

    async def _follow(self, first: Address) -> Page:
        address = first
        for _ in range(MOST_REDIRECTS + 1):
            reply = await self._ask(address, first.origin)
            if reply.status not in REDIRECTS or "location" not in reply.headers:
                return Page(address, reply.headers, _checked(reply, address))
            address = address.follow(reply.headers["location"])
        raise UpstreamError(
            f"{first.origin.host} redirects more than {MOST_REDIRECTS} times.",
            hint="Give the address where the page is in the end.",
        )

    async def _ask(self, address: Address, first: Origin) -> Reply:
        origin = address.origin
        network = self.network
        if origin == first and origin in self.origins:
            network = Network(origin, network.resolve, network.dial)
        elif origin.port not in PORTS.values():
            raise InvalidError(
                f"The address has the port {origin.port}; pages are fetched from 80 and 443.",
                hint=f"The operator can add a server of your own to {ORIGINS_SETTING}.",
            )
        try:
            return await exchange(network, address, Asked(), self.bounds)
        except NotPublicError as error:
            # A name that is not there and one of a private network look the same from outside.
            raise InvalidError(
                f"No server on the public network is called {origin.host!r}.",
                hint=f"Check the name; the operator can add a server of your own"
                f" to {ORIGINS_SETTING}.",
            ) from error
        except UnreachableError as error:
            raise UpstreamError(
                f"No page came from {error}.", hint="Check the address, or try again later."
            ) from error


def _checked(reply: Reply, address: Address) -> bytes:
    if reply.status != 200:
        raise UpstreamError(
            f"{address.origin.host} answered with status {reply.status} and no page.",
            hint="A page that needs a sign-in must be downloaded, then uploaded.",
        )
    return reply.content
