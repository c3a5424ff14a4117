"""Following links: a question that asks through something reaches the second document."""

from dataclasses import fields

import numpy as np
import pytest

from citewell.domain.ids import DocumentId, new_id
from citewell.domain.passages import SearchQuery, SearchResult
from citewell.index.index import Keys
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.retrieval.following import Look, follow_links, linked_documents, needs_links
from citewell.retrieval.fusion import Candidates, fuse, gather, lift
from citewell.retrieval.links import titles_of
from citewell.retrieval.projections import Projections
from citewell.retrieval.question import ask
from citewell.retrieval.service import Retrieval
from citewell.storage.at_once.live import LiveChunk
from tests.unit.retrieval.library import Library

FILMS = {
    "The Silent River": "The Silent River is a 1954 drama film directed by Anton Vebel. It won"
    " two awards and was shown in many countries.",
    "Golden Harvest": "Golden Harvest is a 1961 comedy film directed by Maria Losch about farmers.",
    "Night Train North": "Night Train North is a thriller film directed by Peter Hallam.",
    "Anton Vebel": "Anton Vebel grew up in Karlsbad, the son of a glassmaker, and studied law.",
    "Maria Losch": "Maria Losch was raised in Graz by her aunt and later taught music.",
    "Peter Hallam": "Peter Hallam came from Leeds, where his parents kept a bakery.",
    "Where directors were born": "Many a director of a film was born in a large city. The film"
    " director's birthplace is often asked for.",
    "River films": "Films about a river are popular; the river is silent in most of them.",
}
THROUGH = "Where did the director of film The Silent River grow up?"
SINGLE = "Who directed a comedy about farmers?"
TITLES = titles_of({DocumentId(new_id()): title for title in FILMS})


@pytest.mark.parametrize(
    "question",
    [
        THROUGH,
        "Who is The Silent River's director married to?",
        "Which film was made first, The Silent River or Golden Harvest?",
        "Were Anton Vebel and Maria Losch both born in Austria?",
    ],
)
def test_a_question_that_asks_beyond_a_document_it_names_needs_links(question: str) -> None:
    assert needs_links(question, TITLES)


@pytest.mark.parametrize(
    "question",
    [
        "When was The Silent River made?",
        "Where did Anton Vebel grow up?",
        "Where did the director of film Unheard Of grow up?",
        SINGLE,
        "",
    ],
)
def test_a_question_about_one_document_or_about_none_does_not(question: str) -> None:
    assert not needs_links(question, TITLES)


def titles(result: SearchResult) -> list[str]:
    return [passage.title for passage in result.passages]


async def test_a_question_through_one_document_reaches_the_other(
    retrieval: Retrieval, library: Library
) -> None:
    books = await library.add_all(FILMS)
    query = SearchQuery(THROUGH, (books[0].collection_id,))
    found = titles(await retrieval.search(library.reader, query))
    assert set(found[:2]) == {"The Silent River", "Anton Vebel"}
    assert len(found) == len(set(found))


async def test_the_second_document_is_reached_though_no_candidate_holds_it(
    retrieval: Retrieval, library: Library
) -> None:
    # More about the words of the question than a search looks at.
    noise = {
        f"Note {n}": f"Note {n}: the director of the film grew up beside a silent river, said {n}."
        for n in range(110)
    }
    await library.add_all(noise)
    books = await library.add_all(FILMS)
    query = SearchQuery(THROUGH, (books[0].collection_id,))
    assert "Anton Vebel" in titles(await retrieval.search(library.reader, query))


async def test_links_do_not_lead_to_what_was_deleted(
    retrieval: Retrieval, library: Library
) -> None:
    books = dict(zip(FILMS, await library.add_all(FILMS), strict=True))
    collection = books["Anton Vebel"].collection_id
    query = SearchQuery(THROUGH, (collection,))
    await retrieval.search(library.reader, query)
    await library.delete(books["Anton Vebel"], announced=False)
    found = titles(await retrieval.search(library.reader, query))
    assert "Anton Vebel" not in found
    assert "The Silent River" in found


async def candidates(
    question: str, projections: Projections, library: Library, embedder: BuiltinEmbedder
) -> tuple[Look, Candidates, dict[int, LiveChunk], list[Keys]]:
    """A search as far as fusion, and what it fetches from then on."""
    collection = await library.collection()
    view = await projections.view(library.tenant, collection)
    asked = ask(question, view.profile, embedder.model.languages)
    vector = await embedder.embed_query(question)
    found = lift(fuse(gather(view.snapshot, asked, vector), asked.weight))
    fetched: list[Keys] = []

    async def fetch(keys: Keys) -> dict[int, LiveChunk]:
        fetched.append(keys)
        return await library.database.live(library.tenant, keys.tolist(), [collection])

    live = await fetch(found.keys)
    fetched.clear()
    return Look(view, asked, vector, fetch), found, live, fetched


@pytest.mark.parametrize("question", [SINGLE, "When was The Silent River made?", "???"])
async def test_a_question_that_needs_no_links_is_left_as_it_was(
    projections: Projections, library: Library, embedder: BuiltinEmbedder, question: str
) -> None:
    await library.add_all(FILMS)
    look, found, live, fetched = await candidates(question, projections, library, embedder)
    assert await follow_links(look, found, live) == (found, live)
    assert fetched == []


async def test_following_keeps_every_candidate_and_both_its_scores(
    projections: Projections, library: Library, embedder: BuiltinEmbedder
) -> None:
    await library.add_all(FILMS)
    look, found, live, fetched = await candidates(THROUGH, projections, library, embedder)
    after, reached = await follow_links(look, found, live)
    assert fetched
    assert set(found.keys.tolist()) <= set(after.keys.tolist())
    assert set(live) <= set(reached)
    same = [after.keys.tolist().index(key) for key in found.keys.tolist()]
    assert np.allclose(after.bm25[same], found.bm25)
    assert np.isfinite(after.final).all()


def chunk(document: DocumentId, text: str) -> LiveChunk:
    values = {field.name: None for field in fields(LiveChunk)}
    return LiveChunk(**{**values, "document_id": document, "text": text})  # type: ignore[arg-type]


def test_a_document_does_not_link_to_itself() -> None:
    ids = {title: DocumentId(new_id()) for title in FILMS}
    shelf = titles_of({document: title for title, document in ids.items()})
    film = chunk(ids["The Silent River"], FILMS["The Silent River"])
    assert linked_documents("", [film], shelf) == {ids["Anton Vebel"]}
    both = linked_documents("Who saw Golden Harvest?", [film], shelf)
    assert both == {ids["Anton Vebel"], ids["Golden Harvest"]}
