"""Requests and answers of /rerank in its two dialects, the answers read with suspicion.

Cohere's (`documents`, `results`, `relevance_score`) is spoken by Cohere, Jina, Voyage (whose
results are `data`), vLLM and llama.cpp; `text-embeddings-inference` (TEI) has one of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from citewell.domain.errors import UpstreamError

_WRONG = "Check that the address, the dialect and the model's name are those of a reranker."


class Dialect(StrEnum):
    """What a server of rerankings calls the parts of a request."""

    COHERE = "http"
    TEI = "tei"


@dataclass(frozen=True, slots=True)
class Counted:
    """What the server says that a call has cost; 0 where it does not say."""

    tokens: int = 0
    searches: int = 0


def request(dialect: Dialect, model: str, question: str, texts: Sequence[str]) -> bytes:
    """The body that asks for a score of every text."""
    if dialect is Dialect.TEI:
        # Without `truncate` one long passage would have all of them refused.
        return orjson.dumps({"query": question, "texts": list(texts), "truncate": True})
    return orjson.dumps(
        {"model": model, "query": question, "documents": list(texts), "top_n": len(texts)}
    )


def scores(content: bytes, count: int) -> list[float]:
    """A score for each of `count` texts in its place, from an answer in either dialect.

    Raises `UpstreamError` unless there is exactly one finite number for each text.
    """
    try:
        items = [(one["index"], _score(one)) for one in _items(orjson.loads(content))]
    except (orjson.JSONDecodeError, KeyError, TypeError) as problem:
        raise _unreadable() from problem
    if not all(_is_number(score) and type(index) is int for index, score in items):
        raise UpstreamError("The reranking server gave a score that is no number.", hint=_WRONG)
    if sorted(index for index, _ in items) != list(range(count)):
        raise UpstreamError(
            f"The reranking server gave {len(items)} scores for {count} texts, or one twice.",
            hint=_WRONG,
        )
    return [float(score) for _, score in sorted(items)]


def counted(content: bytes) -> Counted:
    """What an answer says about its cost, wherever it says so."""
    try:
        said = orjson.loads(content)
    except orjson.JSONDecodeError:
        return Counted()
    searches = _at(said, "meta", "billed_units", "search_units")
    return Counted(_whole(_at(said, "usage", "total_tokens")), _whole(searches))


def _items(said: Any) -> Any:
    if isinstance(said, dict):
        return said["results"] if "results" in said else said["data"]
    return said


def _score(one: Any) -> Any:
    return one["relevance_score"] if "relevance_score" in one else one["score"]


def _is_number(value: Any) -> bool:
    return type(value) in {int, float} and math.isfinite(value)


def _at(said: Any, *path: str) -> Any:
    for name in path:
        said = said.get(name) if isinstance(said, dict) else None
    return said


def _whole(value: Any) -> int:
    return math.ceil(value) if _is_number(value) and value > 0 else 0


def _unreadable() -> UpstreamError:
    return UpstreamError("The reranking server's answer is not one of rerankings.", hint=_WRONG)
