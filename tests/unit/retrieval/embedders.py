"""Embedders that cannot answer, or not as the bundled one does."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citewell.domain.errors import UpstreamError
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.embedding import (
    EmbeddingModel,
    PassageText,
    Span,
    TokenStates,
    Vector,
)


@dataclass(frozen=True, slots=True)
class Absent:
    """A server of embeddings that answers every request with an error."""

    model: EmbeddingModel

    async def embed_passages(self, passages: Sequence[PassageText]) -> list[NDArray[np.float32]]:
        raise UpstreamError("The embedding server answered 500.")

    async def embed_query(self, text: str) -> Vector:
        raise UpstreamError("The embedding server answered 500.")

    async def embed_clauses(self, question: str, clauses: Sequence[Span]) -> NDArray[np.float32]:
        raise UpstreamError("The embedding server answered 500.")

    async def token_states(self, texts: Sequence[str]) -> list[TokenStates] | None:
        raise UpstreamError("The embedding server answered 500.")

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    async def close(self) -> None:
        return None


@dataclass(slots=True)
class Waiting:
    """A server of embeddings that takes every request and never answers; counts them."""

    model: EmbeddingModel
    begun: int = 0
    ended: int = 0

    async def embed_passages(self, passages: Sequence[PassageText]) -> list[NDArray[np.float32]]:
        await self._wait()
        return []

    async def embed_query(self, text: str) -> Vector:
        await self._wait()
        return np.zeros(self.model.dimension, dtype=np.float32)

    async def embed_clauses(self, question: str, clauses: Sequence[Span]) -> NDArray[np.float32]:
        await self._wait()
        return np.zeros((1 + len(clauses), self.model.dimension), dtype=np.float32)

    async def token_states(self, texts: Sequence[str]) -> list[TokenStates] | None:
        await self._wait()
        return None

    async def _wait(self) -> None:
        self.begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    async def close(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Secretive:
    """The bundled embedder as a server would offer it: vectors, but no token states."""

    inner: BuiltinEmbedder

    @property
    def model(self) -> EmbeddingModel:
        return self.inner.model

    async def embed_passages(self, passages: Sequence[PassageText]) -> list[NDArray[np.float32]]:
        return await self.inner.embed_passages(passages)

    async def embed_query(self, text: str) -> Vector:
        return await self.inner.embed_query(text)

    async def embed_clauses(self, question: str, clauses: Sequence[Span]) -> NDArray[np.float32]:
        return await self.inner.embed_clauses(question, clauses)

    async def token_states(self, texts: Sequence[str]) -> list[TokenStates] | None:
        return None

    def count_tokens(self, text: str) -> int:
        return self.inner.count_tokens(text)

    async def close(self) -> None:
        return None
