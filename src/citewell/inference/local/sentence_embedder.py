"""An embedder for any BERT-like model on this machine, through sentence-transformers."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from citewell.domain.errors import UpstreamError
from citewell.inference.embedding import EmbeddingModel, PassageText, Span, Vector
from citewell.inference.local import libraries
from citewell.inference.local.folders import revision
from citewell.inference.local.lane import Lane
from citewell.inference.passage_text import encodable, in_context
from citewell.inference.pooling import unit
from citewell.inference.processors import cores

SETTING = "CITEWELL_EMBEDDING__MODEL"
# Padding costs more than a larger batch saves.
BATCH_TEXTS = 8
# What models read that do not say it.
MAX_TOKENS = 512
LONGEST = 100_000

Floats = NDArray[np.float32]
Encode = Callable[[list[str]], Any]


@dataclass(frozen=True, slots=True)
class SentenceEmbedder:
    """Keeps the promises of `Embedder`; windows and token states are not shown.

    Questions and passages get the prompts that the model's folder has for them. Of texts beyond
    the model's limit the rest is ignored. Questions have a thread of their own and never wait for
    passages. After `close` every call raises `UnavailableError`.
    """

    model: EmbeddingModel
    _encoder: Any
    _count: Callable[[str], int]
    _questions: Lane
    _passages: Lane

    @classmethod
    async def open(cls, named: str, threads: int = 0) -> "SentenceEmbedder":
        """The model of a folder, or of a name in the local cache; raises `StartError`.

        `threads` work on passages, 0 means one per core.
        """
        model, encoder, count = await asyncio.to_thread(_load, named)
        # One thread has a graphics card busy, and each would take memory of its own.
        many = (threads or cores()) if encoder.device.type == "cpu" else 1
        questions, passages = (Lane(model.name, threads=n, spread=1) for n in (1, many))
        return cls(model, encoder, count, questions, passages)

    async def embed_passages(self, passages: Sequence[PassageText]) -> list[Floats]:
        """One (1, dimension) array per passage."""
        texts = [in_context(passage) for passage in passages]
        made: list[Floats] = [np.empty((0, 0), dtype=np.float32)] * len(texts)
        # Texts of like length together: the shorter ones of a batch are padded.
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        batches = (order[n : n + BATCH_TEXTS] for n in range(0, len(order), BATCH_TEXTS))

        async def work() -> None:
            for batch in batches:
                some = [texts[number] for number in batch]
                rows = await self._embed(self._passages, self._encoder.encode_document, some)
                for number, row in zip(batch, rows, strict=True):
                    made[number] = row[None]

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._passages.threads):
                    group.create_task(work())
        except ExceptionGroup as problems:
            raise problems.exceptions[0] from problems
        return made

    async def embed_query(self, text: str) -> Vector:
        """The (dimension,) vector of a question."""
        vector: Vector = (await self.embed_clauses(text, ()))[0]
        return vector

    async def embed_clauses(self, question: str, clauses: Sequence[Span]) -> Floats:
        """See `Embedder`; each clause is read by itself."""
        texts = [question, *(question[start:end] for start, end in clauses)]
        return await self._embed(self._questions, self._encoder.encode_query, texts)

    async def token_states(self, texts: Sequence[str]) -> None:
        """None: what is made of states was measured with those of the builtin model."""
        del texts

    def count_tokens(self, text: str) -> int:
        """See `Embedder`."""
        return self._count(encodable(text))

    async def close(self) -> None:
        """Waits for the batches that are read; may be called twice."""
        await self._questions.close()
        await self._passages.close()

    async def _embed(self, lane: Lane, encode: Encode, texts: Sequence[str]) -> Floats:
        read = partial(_read, encode, [encodable(text)[:LONGEST] for text in texts])
        rows = await lane.run(read)
        if not (np.isfinite(rows).all() and rows.any(axis=1).all()):
            raise UpstreamError(
                f"{self.model.name} gave a vector without a direction.", hint="Use another model."
            )
        return unit(rows)


def _read(encode: Any, texts: list[str]) -> Floats:
    rows = encode(texts, batch_size=BATCH_TEXTS, show_progress_bar=False, convert_to_numpy=True)
    return np.asarray(rows, dtype=np.float32)


def _load(named: str) -> tuple[EmbeddingModel, Any, Callable[[str], int]]:
    folder = libraries.found(named, SETTING)
    encoder = libraries.sentence_transformer(folder)
    # The tokenizer is told once how to cut and pad; afterwards many threads may use it.
    encoder.encode(["Ready?"], show_progress_bar=False)
    model = EmbeddingModel(
        folder.name,
        revision(folder),
        int(encoder.get_embedding_dimension()),
        min(encoder.max_seq_length or MAX_TOKENS, LONGEST),
    )
    return model, encoder, _counter(encoder.tokenizer)


def _counter(tokenizer: Any) -> Callable[[str], int]:
    """Counts with a tokenizer of its own: the encoder's cuts, and is used by its thread."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return lambda text: len(tokenizer.tokenize(text))
    own = Tokenizer.from_str(backend.to_str())
    own.no_truncation()
    own.no_padding()
    return lambda text: len(own.encode(text, add_special_tokens=False).ids)
