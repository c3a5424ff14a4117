"""Text to vectors: the promise that every embedder keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """Which model makes the vectors; two vectors compare only when all of this is equal.

    `revision` is the sha256 of the weights (or the provider's name for it), `max_tokens` what the
    model reads of one text; the rest is ignored. `languages` (ISO 639-1) are those that the model
    was trained for; empty means any.
    """

    name: str
    revision: str
    dimension: int
    max_tokens: int
    languages: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PassageText:
    """A text to embed: `context` is put in front of `text`; `windows` are spans of `text`."""

    text: str
    context: str = ""
    windows: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenStates:
    """The model's contextual vectors of one text, special tokens left out.

    `states` is (tokens, dimension), unit rows; `spans` are each token's characters in the text.
    """

    states: NDArray[np.float32]
    spans: tuple[Span, ...]


class Embedder(Protocol):
    """Makes unit-length vectors; safe to call from many tasks, never blocks the event loop.

    Raises `UpstreamError` or `UnavailableError` when the model cannot answer.
    """

    @property
    def model(self) -> EmbeddingModel:
        """The model behind the vectors."""
        ...

    async def embed_passages(self, passages: Sequence[PassageText]) -> list[NDArray[np.float32]]:
        """One (1 + windows, dimension) array per passage: the whole first, then its windows.

        An embedder without window vectors returns one row.
        """
        ...

    async def embed_query(self, text: str) -> Vector:
        """The (dimension,) vector of a question."""
        ...

    async def embed_clauses(self, question: str, clauses: Sequence[Span]) -> NDArray[np.float32]:
        """(1 + clauses, dimension) rows: the whole question, then each clause at its span.

        Where the model shows its states, all rows come from one reading of the question.
        """
        ...

    async def token_states(self, texts: Sequence[str]) -> list[TokenStates] | None:
        """Contextual token vectors for late interaction, or None when the model hides them."""
        ...

    def count_tokens(self, text: str) -> int:
        """How many tokens of the model the text has, special tokens left out."""
        ...

    async def close(self) -> None:
        """Let go of threads and connections."""
        ...
