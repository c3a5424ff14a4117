"""How near statements are in meaning to their evidence, where the model knows the language."""

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np

from citewell.inference.embedding import Embedder, TokenStates, Vector
from citewell.retrieval.grounding.judging import Reading
from citewell.retrieval.meaning import WITHOUT_MEANING

SECONDS = 20.0


async def cosines(embedder: Embedder, readings: Sequence[Reading]) -> Mapping[int, float]:
    """The cosine of each reading that meaning can decide, by its place in `readings`.

    None of any where the model hides its token states, is away, or takes longer than `SECONDS`:
    the bound was calibrated for the mean of token states alone.
    """
    asking = [n for n, one in enumerate(readings) if one.asks_for_meaning and _knows(embedder, one)]
    if not asking:
        return {}
    texts = [
        text for n in asking for text in (readings[n].statement.text, readings[n].evidence.text)
    ]
    try:
        async with asyncio.timeout(SECONDS):
            states = await embedder.token_states(texts)
    except WITHOUT_MEANING:
        return {}
    if states is None:
        return {}
    pairs = zip(asking, states[::2], states[1::2], strict=True)
    return {n: float(_mean(mine) @ _mean(theirs)) for n, mine, theirs in pairs}


def _knows(embedder: Embedder, reading: Reading) -> bool:
    known = embedder.model.languages
    return not known or reading.evidence.language in {"", *known}


def _mean(tokens: TokenStates) -> Vector:
    mean: Vector = tokens.states.sum(0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)
