"""Clients that are lent to the libraries of model providers.

The library speaks its protocol; where the connection goes is judged here, an answer has a bound,
and whoever makes a call can hang up all that it has opened, whatever the library does meanwhile.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import httpcore
import httpx
import httpx2

from citewell.domain.errors import UpstreamError
from citewell.inference.egress.addresses import Origin
from citewell.inference.egress.exchange import certificates, over
from citewell.inference.egress.network import CONNECT_SECONDS, Network, NotPublicError

MOST_BYTES = 64 * 1024 * 1024
MOST_CONNECTIONS = 64
IDLE_SECONDS = 30.0

# How the libraries say that no connection came about, or that it broke.
BROKEN = (httpx.TransportError, httpx2.TransportError)
_FAULTS = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


@dataclass(slots=True)
class _Line:
    """The answers that one call has open."""

    answers: set["_Answer"] = field(default_factory=set)


_line: ContextVar[_Line | None] = ContextVar("line", default=None)


@asynccontextmanager
async def line() -> AsyncIterator[None]:
    """What is asked inside, by this task, is hung up at the end: no answer stays half read."""
    held = _Line()
    token = _line.set(held)
    try:
        yield
    finally:
        _line.reset(token)
        for answer in tuple(held.answers):
            await answer.aclose()


class _Answer(httpx.AsyncByteStream, httpx2.AsyncByteStream):
    """The bytes of one answer as they come; what goes wrong is told as `library` tells it."""

    # httpcore types its streams more widely than they are.
    def __init__(self, stream: Any, library: ModuleType, host: str) -> None:
        self._stream, self._library, self._host = stream, library, host
        self._held = _line.get()
        if self._held is not None:
            self._held.answers.add(self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        with _told_by(self._library):
            async for piece in self._stream:
                size += len(piece)
                if size > MOST_BYTES:
                    raise over(self._host, MOST_BYTES)
                yield piece

    async def aclose(self) -> None:
        if self._held is not None:
            self._held.answers.discard(self)
        await self._stream.aclose()


class LentTransport(httpx.AsyncBaseTransport, httpx2.AsyncBaseTransport):
    """Connects through the judge, for clients of httpx and httpx2.

    Connections go to the origin `named` by the operator, and else to the public network alone.
    """

    def __init__(self, named: Origin | None, network: Network | None = None) -> None:
        """Reads certificates: make it in a thread. A `network` is what judges in place of ours."""
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=certificates(),
            max_connections=MOST_CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=network or Network(named),
        )

    async def handle_async_request(self, request: Any) -> Any:
        """An answer of the request's own library; raises that library's errors."""
        library = httpx2 if isinstance(request, httpx2.Request) else httpx
        request.headers["accept-encoding"] = "identity"
        times = {**request.extensions.get("timeout", {}), "connect": CONNECT_SECONDS}
        url = request.url
        asked = httpcore.Request(
            request.method,
            httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions={"timeout": times},
        )
        with _told_by(library):
            answer = await self._pool.handle_async_request(asked)
        body = _Answer(answer.stream, library, url.host)
        try:
            _refuse_packed(answer, url.host)
        except UpstreamError:
            await body.aclose()
            raise
        return library.Response(answer.status, headers=answer.headers, stream=body)

    async def aclose(self) -> None:
        """Closes every connection; may be called twice."""
        await self._pool.aclose()


class _Closed(httpx2.BaseTransport):
    """For libraries that want a second client, which would block: it makes no connection."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("models are asked without blocking", request=request)


def lent_client(transport: LentTransport) -> httpx2.AsyncClient:
    """A client that follows no redirects and reads nothing from its surroundings."""
    return httpx2.AsyncClient(transport=transport, follow_redirects=False, trust_env=False)


def closed_client() -> httpx2.Client:
    """A client through which nothing leaves."""
    return httpx2.Client(transport=_Closed(), trust_env=False)


@contextmanager
def _told_by(library: ModuleType) -> Iterator[None]:
    try:
        yield
    except NotPublicError as problem:
        raise library.ConnectError("not a public address, nor the one named") from problem
    except _FAULTS as problem:
        # Both libraries have httpcore's names for what goes wrong.
        told = getattr(library, type(problem).__name__, library.TransportError)
        raise told(str(problem) or type(problem).__name__) from problem


def _refuse_packed(answer: httpcore.Response, host: str) -> None:
    """One piece of a packed answer could unpack to anything: none was asked for."""
    packed = dict(answer.headers).get(b"content-encoding", b"identity").strip().lower()
    if packed not in {b"", b"identity"}:
        raise UpstreamError(
            f"{host} packed its answer, which was not asked for.",
            hint="Ask the model without a proxy that packs answers.",
        )
