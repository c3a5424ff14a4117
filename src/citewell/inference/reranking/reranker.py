"""How well texts answer a question: the promise that every reranker keeps."""

from collections.abc import Sequence
from typing import Protocol


class Reranker(Protocol):
    """Scores texts beside each other; safe to call from many tasks, never blocks the event loop.

    Raises `UpstreamError` or `UnavailableError` when the model cannot answer or answers wrongly.
    """

    @property
    def name(self) -> str:
        """The model, as bills and logs call it."""
        ...

    @property
    def share(self) -> float:
        """How much of the order is the reranker's own, above 0 and at most 1.

        The rest is left to the order that the texts came in.
        """
        ...

    async def scores(self, question: str, texts: Sequence[str]) -> list[float] | None:
        """A finite score for each text in its place, higher is better; None: it has no opinion.

        Only scores of one call compare with each other.
        """
        ...

    async def close(self) -> None:
        """Let go of threads and connections; may be called twice."""
        ...
