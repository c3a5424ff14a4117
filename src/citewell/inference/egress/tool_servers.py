"""The way to a server of tools: its own origin alone, and a bound on all that it sends."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import NoReturn, cast

import httpx

from citewell.domain.errors import AppError, InvalidError, UpstreamError
from citewell.inference.egress.addresses import PORTS, Address, Origin
from citewell.inference.egress.exchange import over
from citewell.inference.egress.lent import LentTransport
from citewell.inference.egress.network import CONNECT_SECONDS, Network, NotPublicError

ORIGINS_SETTING = "CITEWELL_MCP__ORIGINS"
# Followed within the origin only, where servers add a slash to an address.
MOST_REDIRECTS = 3
SAME_METHOD = frozenset({307, 308})
KINDS = ("application/json", "text/event-stream")

Client = httpx.AsyncClient


class Trouble:
    """The first thing that went wrong on the way, for whoever waits for what will not come."""

    def __init__(self) -> None:
        self.problem: AppError | None = None
        self._told = asyncio.Event()

    def tell(self, problem: AppError) -> None:
        """Nothing more will come because of this."""
        self.problem = self.problem or problem
        self._told.set()

    async def wait(self) -> NoReturn:
        """Raises what was told, as soon as it is."""
        await self._told.wait()
        assert self.problem is not None  # It is set before the event is.
        raise self.problem


@dataclass(frozen=True, slots=True)
class Reach:
    """Where servers may be: on the public web, and at the `origins` that the operator has named.

    An address is judged whenever a connection is made, whatever was thought of it when it was
    stored.
    """

    origins: frozenset[Origin] = frozenset()
    network: Network = field(default_factory=Network)

    def address(self, url: str) -> Address:
        """Raises `InvalidError` for what is no address of a server here."""
        address = Address.read(url)
        if address.origin not in self.origins and address.origin.port not in PORTS.values():
            raise InvalidError(
                f"The address has the port {address.origin.port}; only 80 and 443 are asked.",
                hint=f"The operator can add a server of your own to {ORIGINS_SETTING}.",
            )
        return address

    def client(self, address: Address, secret: dict[str, str], way: "Way") -> Client:
        """A client for one conversation; the caller closes it. Reads certificates: in a thread.

        The `secret` headers are sent to this origin and nowhere else.
        """
        network = self.network
        if address.origin in self.origins:
            network = Network(address.origin, network.resolve, network.dial)
        return httpx.AsyncClient(
            transport=_OneServer(address, network, way),
            headers={"user-agent": "citewell", **secret},
            # The conversation ends before any of its requests gives up by itself.
            timeout=httpx.Timeout(2 * way.seconds, connect=CONNECT_SECONDS),
            max_redirects=MOST_REDIRECTS,
            follow_redirects=False,
            trust_env=False,
        )


@dataclass(slots=True)
class Way:
    """What one conversation may take, `most` in bytes, and what went wrong in it."""

    seconds: float
    most: int
    taken: int = 0
    trouble: Trouble = field(default_factory=Trouble)

    def take(self, count: int, name: str) -> None:
        """So many more bytes have come from there; raises `UpstreamError` when it is too much."""
        self.taken += count
        if self.taken > self.most:
            problem = over(name, self.most)
            self.trouble.tell(problem)
            raise problem


class _OneServer(httpx.AsyncBaseTransport):
    """Refuses every other origin, and tells of what its client's library would wait out."""

    def __init__(self, address: Address, network: Network, way: Way) -> None:
        self._address, self._way = address, way
        self._lent = LentTransport(None, network)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host, asks = self._address.origin.host, request.method == "POST"
        if Address.read(str(request.url)).origin != self._address.origin:
            raise httpx.ConnectError("it leads to another server", request=request)
        try:
            answer = cast("httpx.Response", await self._lent.handle_async_request(request))
        except (httpx.TransportError, UpstreamError) as error:
            if asks:
                self._way.trouble.tell(_told(error, host))
            raise
        if asks and (problem := self._problem(answer)):
            self._way.trouble.tell(UpstreamError(f"{host} {problem}."))
        # A stream of our own transport is an asynchronous one.
        stream = cast("httpx.AsyncByteStream", answer.stream)
        body = _Counted(stream, self._way, host, tells=asks)
        return httpx.Response(answer.status_code, headers=answer.headers, stream=body)

    async def aclose(self) -> None:
        await self._lent.aclose()

    def _problem(self, answer: httpx.Response) -> str:
        """Why this is no part of the protocol, "" for no reason."""
        status = answer.status_code
        if "location" in answer.headers and 300 <= status < 400:
            return self._problem_of_redirect(answer)
        if status in {401, 403}:
            return f"answered with status {status}: it wants a secret, or another one"
        if not 200 <= status < 300:
            return f"answered with status {status}"
        kind = answer.headers.get("content-type", "").lower()
        if status == 200 and not kind.startswith(KINDS):
            return "does not speak the Model Context Protocol at this address"
        return ""

    def _problem_of_redirect(self, answer: httpx.Response) -> str:
        try:
            leads = self._address.follow(answer.headers["location"])
        except InvalidError:
            return "redirects to what is no plain address"
        if leads.origin != self._address.origin:
            return "redirects to another server, where nobody was allowed to send anything"
        return "" if answer.status_code in SAME_METHOD else "redirects to a page"


class _Counted(httpx.AsyncByteStream):
    """What a server sends, counted over all of its answers."""

    def __init__(self, stream: httpx.AsyncByteStream, way: Way, host: str, *, tells: bool) -> None:
        self._stream, self._way, self._host, self._tells = stream, way, host, tells

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._stream:
                self._way.take(len(piece), self._host)
                yield piece
        except (httpx.TransportError, UpstreamError) as error:
            if self._tells:
                self._way.trouble.tell(_told(error, self._host))
            raise

    async def aclose(self) -> None:
        await self._stream.aclose()


def _told(error: Exception, host: str) -> AppError:
    if isinstance(error, AppError):
        return error
    if isinstance(error.__cause__, NotPublicError):
        # A name that is not there and one of a private network look the same from outside.
        return InvalidError(
            f"No server on the public network is called {host!r}.",
            hint=f"Check the name; the operator can add a server of your own to {ORIGINS_SETTING}.",
        )
    return UpstreamError(f"{host}: {str(error) or type(error).__name__}")
