"""An embedder behind any server that speaks the wire protocol of OpenAI's /v1/embeddings."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import numpy as np
import orjson
from numpy.typing import NDArray

from citewell.domain.errors import UnavailableError, UpstreamError
from citewell.inference import metering
from citewell.inference.egress.clients import Client, open_client, post_json
from citewell.inference.egress.exchange import Reply, UnreachableError
from citewell.inference.embedding import EmbeddingModel, PassageText, Span, Vector
from citewell.inference.openai_wire import explain, tokens, vectors
from citewell.inference.passage_text import encodable, in_context
from citewell.inference.retries import Patience, TransientError, persist, seconds_asked

BATCH_TEXTS = 96
BATCH_CHARACTERS = 200_000
IN_FLIGHT = 4
CHARACTERS_PER_TOKEN = 4

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class OpenAIServer:
    """Where the model is; `base_url` ends before /embeddings, as in https://host/v1.

    `dimension` None asks the model; `max_tokens` is what it reads of one text. `patience` holds
    for each request, its repetitions included.
    """

    model: str
    base_url: str
    api_key: str | None = field(default=None, repr=False)
    dimension: int | None = None
    max_tokens: int = 8192
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class OpenAIEmbedder:
    """Keeps the promises of `Embedder`; windows and token states are hidden by the protocol.

    Asks again on 408, 429, 5xx and broken connections, then raises `UnavailableError`; a wrong
    answer or another refusal is an `UpstreamError`. No message contains the key. After `close`
    every call raises `UnavailableError`.
    """

    model: EmbeddingModel
    _server: OpenAIServer
    _client: Client
    _slots: asyncio.Semaphore
    # Passages leave one of the slots to questions.
    _bulk: asyncio.Semaphore

    @classmethod
    async def open(cls, server: OpenAIServer) -> "OpenAIEmbedder":
        """Connects; one text is embedded to learn the dimension if it is not given."""
        async with AsyncExitStack() as stack:
            client = open_client(server.base_url, api_key=server.api_key)
            stack.push_async_callback(client.aclose)
            slots, bulk = asyncio.Semaphore(IN_FLIGHT), asyncio.Semaphore(IN_FLIGHT - 1)
            model = EmbeddingModel(
                server.model, server.model, server.dimension or 0, server.max_tokens
            )
            made = cls(model, server, client, slots, bulk)
            if server.dimension is None:
                probe = await made.embed_query("dimension")
                made = replace(made, model=replace(model, dimension=len(probe)))
            stack.pop_all()
            return made

    async def embed_passages(self, passages: Sequence[PassageText]) -> list[Floats]:
        """One (1, dimension) array per passage; the server judges texts beyond its limit."""
        texts = [in_context(passage) for passage in passages]
        made: list[Floats] = [np.empty((0, 0), dtype=np.float32)] * len(texts)
        batches = batch_spans([len(text) for text in texts])

        async def work() -> None:
            for start, end in batches:
                async with self._bulk:
                    rows = await self._embed(texts[start:end])
                made[start:end] = [row[None] for row in rows]

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(IN_FLIGHT):
                    group.create_task(work())
        except ExceptionGroup as problems:
            raise problems.exceptions[0] from problems
        return made

    async def embed_query(self, text: str) -> Vector:
        """The (dimension,) vector of a question."""
        vector: Vector = (await self._embed([text]))[0]
        return vector

    async def embed_clauses(self, question: str, clauses: Sequence[Span]) -> Floats:
        """See `Embedder`; each clause is read by itself, all in one request."""
        return await self._embed([question, *(question[start:end] for start, end in clauses)])

    async def token_states(self, texts: Sequence[str]) -> None:
        """None: the protocol has no token vectors."""
        del texts

    def count_tokens(self, text: str) -> int:
        """An estimate, as the model's tokenizer is unknown: a quarter of the characters, up."""
        return -(-len(text) // CHARACTERS_PER_TOKEN)

    async def close(self) -> None:
        """Closes the connections; may be called twice."""
        await self._client.aclose()

    async def _embed(self, texts: Sequence[str]) -> Floats:
        body = orjson.dumps(
            {
                "model": self.model.name,
                # Servers refuse empty texts; a space has the same meaning.
                "input": [encodable(text) or " " for text in texts],
                "encoding_format": "float",
            }
        )
        async with self._slots:
            content = await persist(lambda: self._ask(body), self._server.patience)
        metering.count(tokens(content))
        return await asyncio.to_thread(vectors, content, len(texts), self.model.dimension)

    async def _ask(self, body: bytes) -> bytes:
        if self._client.is_closed:
            raise UnavailableError("The embedder is closed.", hint="The server is stopping.")
        try:
            reply = await post_json(self._client, "embeddings", body)
        except UnreachableError as problem:
            raise TransientError(f"The embedding server is not there: {problem}") from problem
        if reply.status == HTTPStatus.OK:
            return reply.content
        raise self._refusal(reply)

    def _refusal(self, reply: Reply) -> TransientError | UpstreamError:
        said = explain(reply.content)
        if self._server.api_key:
            said = said.replace(self._server.api_key, "[key]")
        message = f"The embedding server answered {reply.status}: {said}"
        if reply.status in {408, 429} or reply.status >= 500:
            return TransientError(message, asked=seconds_asked(reply.headers.get("retry-after")))
        return UpstreamError(message, hint="Check the model's name, the address and the key.")


def batch_spans(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Spans of texts that fit into one request; a text over the limit of characters goes alone."""
    start = characters = 0
    for number, length in enumerate(lengths):
        full = number - start >= BATCH_TEXTS or characters + length > BATCH_CHARACTERS
        if full and number > start:
            yield start, number
            start, characters = number, 0
        characters += length
    if start < len(lengths):
        yield start, len(lengths)
