"""Late interaction: every word of the question looks for its best match in the passage (MaxSim).

ColBERT's scoring (Khattab and Zaharia 2020) over the embedder's own token states, without training.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.inference.embedding import Embedder, TokenStates

SHARE = 0.3


@dataclass(frozen=True, slots=True)
class LateInteraction:
    """Keeps the promises of `Reranker`; it has no opinion when the embedder hides its states.

    Its scores come from the states that the order was made of already, hence its small share.
    """

    embedder: Embedder
    share: float = SHARE

    @property
    def name(self) -> str:
        """The embedder's."""
        return self.embedder.model.name

    async def scores(self, question: str, texts: Sequence[str]) -> list[float] | None:
        """The mean best cosine of the question's tokens in each text, -1 to 1."""
        if not texts:
            return []
        states = await self.embedder.token_states([question, *texts])
        if states is None:
            return None
        return [max_similarity(states[0], text) for text in states[1:]]

    async def close(self) -> None:
        """Nothing: whoever opened the embedder closes it."""


def max_similarity(question: TokenStates, text: TokenStates) -> float:
    """MaxSim of one pair; 0 when either is empty."""
    if not len(question.states) or not len(text.states):
        return 0.0
    return float((question.states @ text.states.T).max(1).mean())
