"""Answers of /v1/embeddings, read with suspicion."""

from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from citewell.domain.errors import UpstreamError

SHOWN_CHARACTERS = 300
LARGEST_NUMBER = 1e100
_WRONG = "Check that the address and the model's name are those of an embedding model."


def vectors(content: bytes, count: int, dimension: int) -> NDArray[np.float32]:
    """The (count, dimension) unit vectors of an answer as asked; dimension 0 takes any.

    Raises `UpstreamError` unless there is exactly one finite, non-zero vector for each text.
    """
    items = _items(content)
    if sorted(index for index, _ in items) != list(range(count)):
        raise UpstreamError(
            f"The embedding server gave {len(items)} vectors for {count} texts.", hint=_WRONG
        )
    items.sort(key=lambda item: item[0])
    try:
        rows = np.asarray([row for _, row in items], dtype=np.float64)
    except (TypeError, ValueError) as problem:
        raise _unreadable() from problem
    if rows.ndim != 2 or (dimension and rows.shape[1] != dimension):
        got = rows.shape[-1] if rows.ndim == 2 else "unequal"
        raise UpstreamError(
            f"The embedding server's vectors have {got} numbers, expected {dimension}.",
            hint=_WRONG,
        )
    # NaN is not below either bound; above it squares would overflow.
    if not (np.abs(rows) < LARGEST_NUMBER).all() or not rows.any(axis=1).all():
        raise UpstreamError("The embedding server gave a vector without a direction.", hint=_WRONG)
    made: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(
        np.float32
    )
    return made


def tokens(content: bytes) -> int:
    """How many tokens the server says it read; 0 when it does not say."""
    try:
        said = orjson.loads(content)["usage"]["prompt_tokens"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return 0
    return said if isinstance(said, int) and said > 0 else 0


def explain(content: bytes) -> str:
    """What the server said went wrong, in its own words, cut to a line."""
    try:
        said: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        said = content.decode("utf-8", "replace")
    for name in ("error", "message", "detail"):
        if isinstance(said, dict) and name in said:
            said = said[name]
    return " ".join(str(said).split())[:SHOWN_CHARACTERS]


def _items(content: bytes) -> list[tuple[int, Any]]:
    try:
        data = orjson.loads(content)["data"]
        return [(int(item.get("index", at)), item["embedding"]) for at, item in enumerate(data)]
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as problem:
        raise _unreadable() from problem


def _unreadable() -> UpstreamError:
    return UpstreamError("The embedding server's answer is not one of embeddings.", hint=_WRONG)
