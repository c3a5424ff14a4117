"""A second look along links: passages of documents that the best passages name.

Taken only for questions that name a document of the collection or ask through something unnamed
("the director of film X"), and only when the best passages do name others.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from citewell.domain.ids import DocumentId
from citewell.index.index import Keys
from citewell.retrieval.fusion import Candidates
from citewell.retrieval.links import Titles, pagerank

SEEDS = 20
NAMED = 0.5

# "the mother of the director of", "X's father's": somebody is asked about through somebody else.
_THROUGH = re.compile(r"\bof (?:the|a|an)?\s*[\w\s]{3,30}? of\b|['’]s\b[^?]*['’]s\b", re.IGNORECASE)
_COMPARED = re.compile(
    r"\b(?:both|or|and|than|first|older|younger|same|different)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Linked:
    """A candidate as the graph sees it: its place, its document, its text."""

    place: int
    document: DocumentId
    text: str


def needs_links(question: str, titles: Titles) -> bool:
    """Whether a question asks for more than one document: it names one, and asks beyond it."""
    named = titles.mentioned(question)
    if not named:
        return False
    return len(named) > 1 or bool(_THROUGH.search(question) or _COMPARED.search(question) or named)


def follow(found: Candidates, nodes: Sequence[Linked], question: str, titles: Titles) -> Candidates:
    """Scores after a walk over who names whom among `nodes`; the rest keeps its order below."""
    named = titles.mentioned(question)
    scores = found.final[[node.place for node in nodes]].copy()
    top = max(float(scores.max(initial=0.0)), 1e-9)
    scores += np.array(
        [NAMED * top if n.document in named else 0.0 for n in nodes], dtype=np.float32
    )
    walked = pagerank(scores, _links(nodes, titles), seeds=SEEDS)
    final = found.final / top * 1e-3
    for node, score in zip(nodes, walked, strict=True):
        final[node.place] = score + 1e-3
    return replace(found, final=final.astype(np.float32))


def _links(nodes: Sequence[Linked], titles: Titles) -> NDArray[np.float32]:
    places: dict[DocumentId, list[int]] = {}
    for at, node in enumerate(nodes):
        places.setdefault(node.document, []).append(at)
    links = np.zeros((len(nodes), len(nodes)), dtype=np.float32)
    for at, node in enumerate(nodes):
        for document in titles.mentioned(node.text):
            for other in places.get(document, ()):
                if document != node.document:
                    links[at, other] = 1.0
    return links
