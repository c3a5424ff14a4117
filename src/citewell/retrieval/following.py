"""A second look along links: passages of documents that the best passages name.

Taken only for questions that ask about something through something else ("the director of film X",
"X's mother's", "which of the two") and name a document of the collection.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citewell.domain.ids import DocumentId
from citewell.index.index import Keys, Vector
from citewell.retrieval.fusion import Candidates, fuse, join, lift, unscored
from citewell.retrieval.links import Titles, pagerank
from citewell.retrieval.question import Asked
from citewell.retrieval.views import View
from citewell.storage.at_once.live import LiveChunk

SEEDS = 20
NODES = 50
NAMED = 0.5
CHUNKS_OF_A_DOCUMENT = 2
HOPS = 2
MOST_LINKED = 200

_THROUGH = re.compile(
    r"\b\w+ (?:of|by|in|from|for|to) (?:the |a |an )?(?:\w+ ){0,3}?(?:film|song|movie|book|album"
    r"|show|series|author|director|composer|performer|founder|owner|creator|\w+er|\w+or)\b"
    r"|['’]s\b",
    re.IGNORECASE,
)
_COMPARED = re.compile(
    r"^(?:which|who|do|does|did|are|is|were|was)\b.*\b(?:both|or|and)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Linked:
    """A candidate as the graph sees it: its place, its document, its text."""

    place: int
    document: DocumentId
    text: str


def needs_links(question: str, titles: Titles) -> bool:
    """Whether a question names a document of the collection and asks beyond it."""
    if not _THROUGH.search(question) and not _COMPARED.search(question):
        return False
    return bool(titles.mentioned(question))


def linked_documents(question: str, live: Sequence[LiveChunk], titles: Titles) -> set[DocumentId]:
    """Documents that the question or one of these passages names."""
    found = titles.mentioned(question)
    for chunk in live:
        found |= titles.mentioned(chunk.text) - {chunk.document_id}
        if len(found) > MOST_LINKED:
            break
    return found


@dataclass(frozen=True, slots=True)
class Look:
    """A search in one collection, as far as it has come."""

    view: View
    asked: Asked
    vector: Vector | None
    fetch: Callable[[Keys], Awaitable[dict[int, LiveChunk]]]


async def follow_links(
    look: Look, found: Candidates, live: dict[int, LiveChunk]
) -> tuple[Candidates, dict[int, LiveChunk]]:
    """The candidates in their new order, with what was fetched on the way.

    Both as they came when the question does not need links or there are none.
    """
    question, titles = look.asked.text, look.view.profile.titles
    if not needs_links(question, titles):
        return found, live
    order = found.order()
    seeds = [live[key] for at in order[:SEEDS] if (key := int(found.keys[at])) in live]
    named = linked_documents(question, seeds, titles)
    reached: dict[int, LiveChunk] = {}
    for _ in range(HOPS):
        keys = look.view.snapshot.keys_of(named, CHUNKS_OF_A_DOCUMENT)
        fresh = np.array([k for k in keys.tolist() if k not in reached], dtype=np.int64)
        if not len(fresh):
            break
        fetched = await look.fetch(fresh)
        reached |= fetched
        named = linked_documents("", list(fetched.values()), titles)
    if not reached:
        return found, live
    found = extend(found, look, np.array(sorted(reached), dtype=np.int64))
    live = live | reached
    return follow(found, _nodes(found, live, reached), question, titles), live


def _nodes(
    found: Candidates, live: dict[int, LiveChunk], reached: dict[int, LiveChunk]
) -> list[Linked]:
    places = [int(at) for at in found.order() if int(found.keys[at]) in live]
    chosen = places[:NODES] + [at for at in places[NODES:] if int(found.keys[at]) in reached]
    chunks = [(at, live[int(found.keys[at])]) for at in chosen]
    return [Linked(at, chunk.document_id, chunk.text) for at, chunk in chunks]


def extend(found: Candidates, look: Look, keys: Keys) -> Candidates:
    """The candidates with these chunks beside them, all scored alike."""
    fresh = np.setdiff1d(keys, found.keys)
    if not len(fresh):
        return found
    more = unscored(look.view.snapshot.pick(fresh), look.asked, look.vector)
    return lift(fuse(join([found, more]), look.asked.weight))


def follow(found: Candidates, nodes: Sequence[Linked], question: str, titles: Titles) -> Candidates:
    """Scores after a walk over who names whom among `nodes`; the others follow in their order."""
    named = titles.mentioned(question)
    scores = found.final[[node.place for node in nodes]].copy()
    top = max(float(scores.max(initial=0.0)), 1e-9)
    bonus = [NAMED * top if node.document in named else 0.0 for node in nodes]
    walked = pagerank(
        scores + np.array(bonus, dtype=np.float32), _links(nodes, titles), seeds=SEEDS
    )
    final = (found.final / top * 1e-3).astype(np.float32)
    for node, score in zip(nodes, walked, strict=True):
        final[node.place] = score + 1e-3
    return found.rescored("link", final)


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
