"""A reranker behind any server with a /rerank endpoint as Cohere's, Jina's or TEI's."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from citewell.domain.errors import UnavailableError, UpstreamError
from citewell.inference import metering
from citewell.inference.egress.clients import Client, open_client, post_json
from citewell.inference.egress.exchange import Reply, UnreachableError
from citewell.inference.passage_text import encodable
from citewell.inference.reranking import wire
from citewell.inference.reranking.wire import Dialect
from citewell.inference.retries import Patience, TransientError, persist, seconds_asked

IN_FLIGHT = 4


@dataclass(frozen=True, slots=True)
class RerankServer:
    """Where the model is; `base_url` ends before /rerank, as in https://api.cohere.com/v2.

    `patience` holds for each call, its repetitions included.
    """

    model: str
    base_url: str
    api_key: str | None = field(default=None, repr=False)
    dialect: Dialect = Dialect.COHERE
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class HttpReranker:
    """Keeps the promises of `Reranker`; its order is its own alone.

    Such a model was trained on pairs and reads question and text together: what the first order
    knows is in its score. Asks again on 408, 429, 5xx and broken connections, then raises
    `UnavailableError`. No message has the key or words of the server, which repeat what was asked.
    After `close` every call raises `UnavailableError`.
    """

    _server: RerankServer
    _client: Client
    _slots: asyncio.Semaphore
    share: float = 1.0

    @classmethod
    def open(cls, server: RerankServer) -> "HttpReranker":
        """Asks nothing yet. Raises `InvalidError` for an address or key that cannot be sent."""
        client = open_client(server.base_url, api_key=server.api_key)
        return cls(server, client, asyncio.Semaphore(IN_FLIGHT))

    @property
    def name(self) -> str:
        """The model as the operator calls it."""
        return self._server.model

    async def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """What the model gives each text; its range is the model's own."""
        if not texts:
            return []
        # Servers refuse empty texts; a space has the same meaning.
        asked = [encodable(text) or " " for text in (question, *texts)]
        body = wire.request(self._server.dialect, self._server.model, asked[0], asked[1:])
        async with self._slots:
            content = await persist(lambda: self._ask(body), self._server.patience)
        cost = wire.counted(content)
        metering.count(cost.tokens, searches=cost.searches)
        return wire.scores(content, len(texts))

    async def close(self) -> None:
        """Closes the connections; may be called twice."""
        await self._client.aclose()

    async def _ask(self, body: bytes) -> bytes:
        if self._client.is_closed:
            raise UnavailableError("The reranker is closed.", hint="The server is stopping.")
        try:
            reply = await post_json(self._client, "rerank", body)
        except UnreachableError as problem:
            raise TransientError(f"The reranking server is not there: {problem}") from problem
        if reply.status == HTTPStatus.OK:
            return reply.content
        raise _refusal(reply)


def _refusal(reply: Reply) -> TransientError | UpstreamError:
    message = f"The reranking server answered {reply.status}."
    if reply.status in {408, 429} or reply.status >= 500:
        return TransientError(message, asked=seconds_asked(reply.headers.get("retry-after")))
    return UpstreamError(message, hint="Check the model's name, the address and the key.")
