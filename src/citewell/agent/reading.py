"""How near each sentence of a passage is to the question: by token states, or by vectors alone.

Without the embedder nothing is known of nearness, and the words have to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citewell.agent.saying import sayings
from citewell.domain.passages import Passage
from citewell.domain.sentences import Span
from citewell.inference.embedding import Embedder, PassageText, TokenStates, Vector

# Stop words and punctuation of the question look for matches too, but quietly.
QUIET = 0.2
STEM = 4
MOST_EMBEDDED = 40


@dataclass(frozen=True, slots=True)
class Near:
    """A sentence of a passage: cosine with the question, and how well its words are matched."""

    span: Span
    cosine: float
    matches: float


@dataclass(frozen=True, slots=True)
class Read:
    """The sentences of each passage; whether matches were looked for, and meaning at all."""

    passages: tuple[tuple[Near, ...], ...]
    has_matches: bool
    has_meaning: bool = True


async def read(
    embedder: Embedder, question: str, terms: Sequence[str], passages: Sequence[Passage]
) -> Read:
    """Read every passage once. Raises what the embedder raises."""
    vector = await embedder.embed_query(question)
    states = await embedder.token_states([question, *(p.text for p in passages)])
    if states is None:
        return Read(await _by_vectors(embedder, vector, passages), has_matches=False)
    asked, *read_states = states
    weights = _weights(question, asked, terms)
    found = [
        _by_states(vector, asked, weights, passage.text, tokens)
        for passage, tokens in zip(passages, read_states, strict=True)
    ]
    return Read(tuple(found), has_matches=True)


def read_words(passages: Sequence[Passage]) -> Read:
    """The sentences of every passage, none nearer than another."""
    found = tuple(tuple(Near(span, 0.0, 0.0) for span in sayings(p.text)) for p in passages)
    return Read(found, has_matches=False, has_meaning=False)


def _by_states(
    vector: Vector,
    asked: TokenStates,
    weights: NDArray[np.float32],
    text: str,
    tokens: TokenStates,
) -> tuple[Near, ...]:
    """A sentence's vector is the mean of its own tokens, which know their passage."""
    similar = asked.states @ tokens.states.T
    found = []
    for start, end in sayings(text):
        mine = np.array([a >= start and b <= end for a, b in tokens.spans], dtype=np.bool_)
        if not mine.any():
            found.append(Near((start, end), 0.0, 0.0))
            continue
        mean = tokens.states[mine].mean(0)
        cosine = float(mean @ vector / max(float(np.linalg.norm(mean)), 1e-9))
        found.append(Near((start, end), cosine, float(similar[:, mine].max(1) @ weights)))
    return tuple(found)


async def _by_vectors(
    embedder: Embedder, vector: Vector, passages: Sequence[Passage]
) -> tuple[tuple[Near, ...], ...]:
    """For models that keep their token states to themselves: each sentence on its own."""
    spans = [(n, span) for n, p in enumerate(passages) for span in sayings(p.text)][:MOST_EMBEDDED]
    texts = [
        PassageText(passages[n].text[start:end], passages[n].title) for n, (start, end) in spans
    ]
    vectors = await embedder.embed_passages(texts)
    found: list[list[Near]] = [[] for _ in passages]
    for (number, span), rows in zip(spans, vectors, strict=True):
        found[number].append(Near(span, float(rows[0] @ vector), 0.0))
    return tuple(tuple(one) for one in found)


def _weights(question: str, asked: TokenStates, terms: Sequence[str]) -> NDArray[np.float32]:
    """Words that carry the question speak aloud; a stem is known by its beginning."""
    words = [question[start:end].lower() for start, end in asked.spans]
    known = " ".join(terms)
    weights = np.array(
        [1.0 if word.isalnum() and word[:STEM] in known else QUIET for word in words],
        dtype=np.float32,
    )
    return (weights / max(float(weights.sum()), 1e-9)).astype(np.float32)
