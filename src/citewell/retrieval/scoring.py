"""Candidates of one question from the views of its collections, scored and in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from citewell.domain.passages import SearchMode
from citewell.index.index import EMPTY_KEYS, Keys, Vector
from citewell.retrieval.fusion import (
    Candidates,
    by_words,
    fuse,
    gather,
    join,
    lift,
    propose,
    unscored,
)
from citewell.retrieval.question import Asked, ask
from citewell.retrieval.views import View

# The best clause counts half as much as the whole question.
CLAUSE = 0.5
# What a clause alone would find is near its own top.
CLAUSE_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Thought:
    """A question, or a clause of one, as each view understands it; `vector` None: words alone."""

    asked: tuple[Asked, ...]
    vector: Vector | None = None

    @property
    def weight(self) -> float:
        """One for the list: collections of different kinds meet in the middle."""
        return float(np.mean([one.weight for one in self.asked]))


def think(text: str, views: Sequence[View], trained_for: frozenset[str]) -> Thought:
    """Analyse a text for every view; `trained_for` are the embedder's languages."""
    return Thought(tuple(ask(text, view.profile, trained_for) for view in views))


def look_up(
    views: Sequence[View], thoughts: Sequence[Thought], *, depth: int, allowed: Keys | None
) -> list[Thought]:
    """The whole question and its clauses with what their words propose: this needs no vector."""
    depths = [depth, *(CLAUSE_DEPTH for _ in thoughts[1:])]
    return [
        Thought(
            tuple(
                replace(one, proposed=by_words(view.snapshot, one, depth=deep, allowed=allowed))
                for one, view in zip(thought.asked, views, strict=True)
            )
        )
        for thought, deep in zip(thoughts, depths, strict=True)
    ]


def mean(thought: Thought, vector: Vector | None, mode: SearchMode) -> Thought:
    """The thought with its vector, as far as the mode lets words and meaning count."""
    return Thought(tuple(_for_mode(one, mode, vector) for one in thought.asked), vector)


def score(
    views: Sequence[View],
    whole: Thought,
    clauses: Sequence[Thought],
    *,
    depth: int,
    allowed: Keys | None = None,
) -> Candidates:
    """The union of what every thought proposes; a clause lifts what it alone asks for."""
    parts = []
    for number, view in enumerate(views):
        also = EMPTY_KEYS
        for clause in clauses:
            asked = clause.asked[number]
            also = np.union1d(
                also,
                propose(view.snapshot, asked, clause.vector, depth=CLAUSE_DEPTH, allowed=allowed),
            )
        parts.append(
            gather(
                view.snapshot,
                whole.asked[number],
                whole.vector,
                depth=depth,
                allowed=allowed,
                also=also,
            )
        )
    found = fuse(join(parts), whole.weight)
    if clauses and len(found.keys):
        found = _with_clauses(found, [_fused(views, clause, parts) for clause in clauses])
    return lift(found)


def weights(views: Sequence[View], whole: Thought) -> dict[str, float]:
    """The question's terms with the greatest idf that a collection gives them."""
    found: dict[str, float] = {}
    for view, one in zip(views, whole.asked, strict=True):
        idf: Mapping[str, float] = dict(
            zip(one.terms.body, view.snapshot.lexical.idf(one.terms.body).tolist(), strict=True)
        )
        for term, weight in idf.items():
            found[term] = max(found.get(term, 0.0), weight)
    return found


def _fused(views: Sequence[View], clause: Thought, parts: Sequence[Candidates]) -> Vector:
    """The clause's own scores of the same candidates, in the same order."""
    scored = [
        unscored(view.snapshot.pick(part.keys), asked, clause.vector)
        for view, asked, part in zip(views, clause.asked, parts, strict=True)
    ]
    return fuse(join(scored), clause.weight).fused


def _with_clauses(found: Candidates, clauses: Sequence[Vector]) -> Candidates:
    best = np.maximum.reduce(clauses)
    scores = ((found.fused + CLAUSE * best) / (1 + CLAUSE)).astype(np.float32)
    return found.rescored("clauses", scores)


def _for_mode(asked: Asked, mode: SearchMode, vector: Vector | None) -> Asked:
    if mode is SearchMode.DENSE and vector is not None:
        return replace(asked, weight=1.0, terms=replace(asked.terms, body=()), proposed=None)
    if vector is None:
        return replace(asked, weight=0.0)
    return asked
