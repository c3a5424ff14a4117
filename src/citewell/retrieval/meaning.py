"""The vectors of a question, or why there are none; then the words have to do."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from citewell.domain.errors import (
    AppError,
    BudgetExceededError,
    UnavailableError,
    UpstreamError,
)
from citewell.domain.passages import BUDGET_EXCEEDED, DENSE_UNAVAILABLE
from citewell.inference.embedding import Embedder, Span, Vector

EMBED_SECONDS = 20.0
# What a search goes on without.
WITHOUT_MEANING = (UnavailableError, UpstreamError, BudgetExceededError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Meaning:
    """Vectors of the whole question and of each clause, None for each when there are none.

    `missing` says why they are missing that were asked for.
    """

    vectors: Sequence[Vector | None]
    missing: str = ""


async def meaning_of(embedder: Embedder, question: str, clauses: Sequence[Span]) -> Meaning:
    """Ask the embedder once; whatever it does takes `EMBED_SECONDS` at most."""
    try:
        async with asyncio.timeout(EMBED_SECONDS):
            return Meaning(list(await embedder.embed_clauses(question, clauses)))
    except WITHOUT_MEANING as error:
        return Meaning([None] * (1 + len(clauses)), why_missing(error))


def why_missing(error: AppError | TimeoutError) -> str:
    """What `degraded` says of it."""
    return BUDGET_EXCEEDED if isinstance(error, BudgetExceededError) else DENSE_UNAVAILABLE
