"""Late interaction: every word of the question looks for its best match in the passage (MaxSim).

ColBERT's scoring (Khattab and Zaharia 2020) over the embedder's own token states, without training.
"""

import asyncio
from collections.abc import Sequence

import numpy as np

from citewell.inference.embedding import Embedder, TokenStates

SHARE = 0.3


async def max_similarities(
    embedder: Embedder, question: str, texts: Sequence[str], *, seconds: float
) -> list[float] | None:
    """The mean best cosine of the question's tokens in each text, 0–1.

    None when the embedder has no token states. Raises `TimeoutError` when the time is up, and what
    the embedder raises.
    """
    async with asyncio.timeout(seconds):
        states = await embedder.token_states([question, *texts])
    if states is None:
        return None
    return [max_similarity(states[0], text) for text in states[1:]]


def max_similarity(question: TokenStates, text: TokenStates) -> float:
    """MaxSim of one pair; 0 when either is empty."""
    if not len(question.states) or not len(text.states):
        return 0.0
    return float((question.states @ text.states.T).max(1).mean())


def blend(fused: Sequence[float], late: Sequence[float]) -> list[float]:
    """Both sides mapped to 0–1 over the reranked, `SHARE` for the late side."""
    return [(1 - SHARE) * a + SHARE * b for a, b in zip(_spread(fused), _spread(late), strict=True)]


def _spread(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    span = max(high - low, 1e-9)
    return [float(np.clip((value - low) / span, 0, 1)) for value in values]
