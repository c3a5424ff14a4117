"""A search: by meaning and by words, only what is live, and honest about what was left out."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from citewell.domain.documents import TextKind
from citewell.domain.errors import DeniedError, InvalidError, NotFoundError
from citewell.domain.ids import CollectionId, UserId, new_id
from citewell.domain.passages import SearchMode, SearchQuery, SearchResult
from citewell.domain.principal import Principal, Role
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.retrieval.projections import Projections
from citewell.retrieval.service import MAX_COLLECTIONS, MAX_LIMIT, Retrieval
from tests.unit.retrieval.embedders import Absent, Secretive, Waiting
from tests.unit.retrieval.library import Book, Library, Text

TEXTS = {
    "Bread": "Bread is baked in a hot oven from flour, water, yeast and salt.",
    "Ships": "Cargo ships cross the ocean and carry wheat to distant ports.",
    "Stars": "Stars shine because hydrogen becomes helium deep inside of them.",
    "Error codes": "E4711 means that the printer has no paper; E4712 means a jam.",
    "Doctors": "A physician examines patients and prescribes medicine.",
}


@pytest.fixture
async def books(library: Library) -> dict[str, Book]:
    """A small collection, by title."""
    return {title: await library.add(title, text) for title, text in TEXTS.items()}


def collection_of(books: dict[str, Book]) -> tuple[CollectionId]:
    return (books["Bread"].collection_id,)


def titles(result: SearchResult) -> list[str]:
    return [passage.title for passage in result.passages]


async def test_a_passage_is_the_canonical_text_at_its_offsets(
    retrieval: Retrieval, library: Library, books: dict[str, Book]
) -> None:
    query = SearchQuery("How is bread baked?", collection_of(books))
    result = await retrieval.search(library.reader, query)
    assert titles(result)[0] == "Bread"
    by_id = {book.document_id: book for book in books.values()}
    for passage in result.passages:
        book = by_id[passage.document_id]
        assert passage.text == book.text[passage.start : passage.end]
        assert passage.version_id == book.version_id
        assert passage.collection_id == book.collection_id
    scores = [passage.scores.final for passage in result.passages]
    assert scores == sorted(scores, reverse=True)
    assert result.degraded == ()
    assert result.dropped == ()
    assert set(result.terms) == {"bread", "bake"}
    assert all(value >= 0 for value in result.milliseconds.values())


async def test_meaning_finds_what_words_do_not_and_words_what_meaning_does_not(
    retrieval: Retrieval, library: Library, books: dict[str, Book]
) -> None:
    async def first(text: str, mode: SearchMode) -> str | None:
        query = SearchQuery(text, collection_of(books), limit=1, mode=mode)
        return next(iter(titles(await retrieval.search(library.reader, query))), None)

    healing = "someone who heals sick people"
    assert await first(healing, SearchMode.DENSE) == "Doctors"
    assert await first(healing, SearchMode.HYBRID) == "Doctors"
    assert await first(healing, SearchMode.LEXICAL) is None
    assert await first("E4712", SearchMode.LEXICAL) == "Error codes"
    assert await first("E4712", SearchMode.HYBRID) == "Error codes"


async def test_each_way_of_searching_uses_its_own_side_only(
    retrieval: Retrieval, library: Library, books: dict[str, Book]
) -> None:
    query = SearchQuery("wheat ships on the ocean", collection_of(books))
    words = await retrieval.search(library.reader, replace(query, mode=SearchMode.LEXICAL))
    assert titles(words) == ["Ships"]
    assert words.degraded == ()
    meaning = await retrieval.search(library.reader, replace(query, mode=SearchMode.DENSE))
    assert len(meaning.passages) == len(TEXTS)
    assert all(not passage.scores.bm25 for passage in meaning.passages)


async def test_a_deleted_document_is_never_returned_though_the_index_still_holds_it(
    retrieval: Retrieval, library: Library, books: dict[str, Book], projections: Projections
) -> None:
    query = SearchQuery("bread from flour", collection_of(books))
    assert titles(await retrieval.search(library.reader, query))[0] == "Bread"
    await library.delete(books["Bread"], announced=False)
    for mode in SearchMode:
        found = await retrieval.search(library.reader, replace(query, mode=mode, limit=200))
        assert "Bread" not in titles(found)
    view = await projections.view(library.tenant, books["Bread"].collection_id)
    assert view.snapshot.size == len(TEXTS)


async def test_a_replaced_version_is_never_returned(
    retrieval: Retrieval, library: Library, books: dict[str, Book]
) -> None:
    query = SearchQuery("bread oven yeast rye", collection_of(books))
    await retrieval.search(library.reader, query)
    newer = await library.replace(books["Bread"], Text("Rye", "Rye bread needs no yeast at all."))
    found = await retrieval.search(library.reader, query)
    assert "Bread" not in titles(found)
    seen = await retrieval.search(library.reader, replace(query, min_position=len(TEXTS) + 2))
    assert titles(seen)[0] == "Rye"
    assert seen.passages[0].version_id == newer.version_id


async def test_searches_race_deletions_and_none_shows_what_was_deleted_before_it(
    retrieval: Retrieval, library: Library, projections: Projections
) -> None:
    shelf = [await library.add(f"Loaf {n}", f"Loaf number {n} is baked bread.") for n in range(12)]
    query = SearchQuery("baked bread loaf", (shelf[0].collection_id,), limit=50)
    gone: set[object] = set()

    async def search() -> None:
        before = set(gone)
        result = await retrieval.search(library.reader, query)
        assert not before & {passage.document_id for passage in result.passages}

    async def delete() -> None:
        for number, book in enumerate(shelf):
            await library.delete(book)
            gone.add(book.document_id)
            if number % 4 == 0:
                await projections.catch_up()

    async with asyncio.TaskGroup() as group:
        deleting = group.create_task(delete())
        while not deleting.done():
            await search()
    assert titles(await retrieval.search(library.reader, query)) == []


async def test_a_filter_shows_only_what_meets_it(retrieval: Retrieval, library: Library) -> None:
    for year, tag in ((2019, "old"), (2024, "new")):
        text = Text("Report", f"Revenue grew in {year}.", tags=(tag,), metadata={"year": year})
        book = await library.add_text(text)
    collections = (book.collection_id,)
    for wanted, expected in (
        ({"tags": "new"}, {"2024"}),
        ({"metadata.year": 2019}, {"2019"}),
        ({"tags": ["old", "new"]}, {"2019", "2024"}),
        ({"tags": "none"}, set()),
    ):
        query = SearchQuery("How did revenue grow?", collections, filter=wanted)
        found = await retrieval.search(library.reader, query)
        assert {passage.text[-5:-1] for passage in found.passages} == expected, wanted


async def test_a_filter_that_cannot_be_understood_is_refused(
    retrieval: Retrieval, library: Library, books: dict[str, Book]
) -> None:
    query = SearchQuery("bread", collection_of(books), filter={"colour": "red"})
    with pytest.raises(InvalidError):
        await retrieval.search(library.reader, query)


async def test_a_foreign_collection_is_not_found(
    retrieval: Retrieval, library: Library, neighbours: Library
) -> None:
    theirs = await neighbours.add("Bread", TEXTS["Bread"])
    mine = await library.add("Ships", TEXTS["Ships"])
    query = SearchQuery("bread", (theirs.collection_id,))
    assert titles(await retrieval.search(neighbours.reader, query)) == ["Bread"]
    for collections in ((theirs.collection_id,), (mine.collection_id, theirs.collection_id)):
        with pytest.raises(NotFoundError):
            await retrieval.search(library.reader, replace(query, collections=collections))


async def test_several_collections_are_one_list_with_a_position_each(
    retrieval: Retrieval, library: Library
) -> None:
    kitchen = await library.add("Bread", TEXTS["Bread"], collection="kitchen")
    await library.add("Cake", "A cake is baked with sugar and eggs.", collection="kitchen")
    office = await library.add("Printer", TEXTS["Error codes"], collection="office")
    await library.add("Canteen", "The canteen has baked bread on Fridays.", collection="office")
    query = SearchQuery("baked bread", (kitchen.collection_id, office.collection_id))
    found = await retrieval.search(library.reader, query)
    assert {"Bread", "Canteen"} == set(titles(found)[:2])
    assert found.positions == {kitchen.collection_id: 2, office.collection_id: 2}
    scores = [passage.scores.final for passage in found.passages]
    assert scores == sorted(scores, reverse=True)
    alone = await retrieval.search(
        library.reader, replace(query, collections=(office.collection_id,))
    )
    assert {p.collection_id for p in alone.passages} == {office.collection_id}


async def test_without_the_embedder_words_still_find_and_it_is_said(
    projections: Projections, library: Library, books: dict[str, Book]
) -> None:
    absent = Retrieval(library.database, Absent(library.embedder.model), projections)
    query = SearchQuery("wheat in cargo ships", collection_of(books))
    for mode in (SearchMode.HYBRID, SearchMode.DENSE):
        found = await absent.search(library.reader, replace(query, mode=mode))
        assert titles(found) == ["Ships"]
        assert found.degraded == ("dense_unavailable",)
    # Who asks by words alone misses nothing.
    words = await absent.search(library.reader, replace(query, mode=SearchMode.LEXICAL))
    assert (titles(words), words.degraded) == (["Ships"], ())


async def test_reranking_without_the_embedder_leaves_the_order_by_words(
    projections: Projections, library: Library, books: dict[str, Book]
) -> None:
    absent = Retrieval(library.database, Absent(library.embedder.model), projections)
    query = SearchQuery("wheat and bread", collection_of(books))
    plain = await absent.search(library.reader, query)
    found = await absent.search(library.reader, replace(query, rerank=True))
    assert len(titles(found)) == 2
    assert titles(found) == titles(plain)
    assert found.degraded == ("dense_unavailable",)


async def test_a_search_that_fails_leaves_nothing_running(
    projections: Projections, library: Library, books: dict[str, Book]
) -> None:
    waiting = Waiting(library.embedder.model)
    patient = Retrieval(library.database, waiting, projections)
    query = SearchQuery("bread", collection_of(books), filter={"colour": "red"})
    with pytest.raises(InvalidError):
        await patient.search(library.reader, query)
    assert (waiting.begun, waiting.ended) == (1, 1)


async def test_a_collection_named_twice_is_searched_once(
    retrieval: Retrieval, library: Library, books: dict[str, Book]
) -> None:
    query = SearchQuery("bread", collection_of(books) * 2, explain=True)
    found = await retrieval.search(library.reader, query)
    assert {one.reason for one in found.dropped} <= {"limit"}


async def test_more_collections_than_can_be_searched_at_once_are_refused(
    retrieval: Retrieval, library: Library
) -> None:
    many = tuple(CollectionId(new_id()) for _ in range(MAX_COLLECTIONS + 1))
    with pytest.raises(InvalidError, match="At most"):
        await retrieval.search(library.reader, SearchQuery("bread", many))


async def test_chunks_that_overlap_are_shown_once(retrieval: Retrieval, library: Library) -> None:
    text = "\n\n".join(
        f"Paragraph {n} tells how bread number {n} is baked. " + "It is long. " * 25
        for n in range(20)
    )
    book = await library.add("Baking", text)
    query = SearchQuery("how bread is baked", (book.collection_id,), limit=50, explain=True)
    found = await retrieval.search(library.reader, query)
    spans = sorted((passage.start, passage.end) for passage in found.passages)
    for (start, end), (next_start, next_end) in pairwise(spans):
        assert end - next_start <= 0.5 * min(end - start, next_end - next_start)
    shown = {passage.chunk_id for passage in found.passages}
    assert not shown & {one.chunk_id for one in found.dropped}


async def test_a_filter_holds_for_what_links_lead_to(
    retrieval: Retrieval, library: Library
) -> None:
    film = Text("The Silent River", "The Silent River is a film by Anton Vebel.", tags=("film",))
    person = Text("Anton Vebel", "Anton Vebel grew up in Karlsbad.", tags=("person",))
    for one in (film, person):
        book = await library.add_text(one)
    question = "Where did the director of film The Silent River grow up?"
    query = SearchQuery(question, (book.collection_id,), filter={"tags": "film"}, explain=True)
    found = await retrieval.search(library.reader, query)
    assert (titles(found), found.dropped) == (["The Silent River"], ())


@pytest.mark.parametrize("rerank", [False, True])
async def test_every_live_candidate_is_shown_or_explained_once(
    retrieval: Retrieval, library: Library, rerank: bool
) -> None:
    shelf = [await library.add(f"Loaf {n}", f"Loaf {n} is baked bread.") for n in range(40)]
    await library.delete(shelf[0], announced=False)
    collections = (shelf[0].collection_id,)
    query = SearchQuery("baked bread", collections, limit=3, explain=True, rerank=rerank)
    found = await retrieval.search(library.reader, query)
    shown = [passage.chunk_id for passage in found.passages]
    explained = [one.chunk_id for one in found.dropped]
    assert len({*shown, *explained}) == len(shown) + len(explained) == len(shelf) - 1
    assert {one.reason for one in found.dropped} == {"limit"}
    assert len(shown) == 3


async def test_the_scores_of_the_stages_make_up_the_final_one(
    retrieval: Retrieval, library: Library, books: dict[str, Book]
) -> None:
    film = "The Silent River is a drama film that was directed by Anton Vebel in Vienna."
    await library.add("The Silent River", film)
    await library.add("Anton Vebel", "Anton Vebel grew up in Karlsbad and baked bread.")
    linked = "Where did the director of film The Silent River grow up?"
    long = (
        "Which bread is baked in a hot oven from flour and yeast, while cargo ships carry wheat"
        " to distant ports across the ocean?"
    )
    stages = {}
    for question in (linked, long, "bread"):
        query = SearchQuery(question, collection_of(books), explain=True)
        found = await retrieval.search(library.reader, query)
        every = [p.scores for p in found.passages] + [one.scores for one in found.dropped]
        for scores in every:
            added = (scores.clauses, scores.lift, scores.link, scores.closeness)
            assert scores.fused is not None
            assert scores.fused + sum(one or 0.0 for one in added) == pytest.approx(scores.final)
            stages[question] = [one is not None for one in added]
    assert stages == {
        linked: [False, True, True, True],
        long: [True, True, False, False],
        "bread": [False, True, False, False],
    }


async def test_an_explanation_says_why_a_candidate_was_left_out(
    retrieval: Retrieval, library: Library, books: dict[str, Book]
) -> None:
    query = SearchQuery("bread ships stars", collection_of(books), limit=2)
    assert (await retrieval.search(library.reader, query)).dropped == ()
    found = await retrieval.search(library.reader, replace(query, explain=True))
    assert len(found.passages) == 2
    assert {one.reason for one in found.dropped} == {"limit"}
    worst = min(passage.scores.final for passage in found.passages)
    assert all(one.scores.final <= worst for one in found.dropped)
    best = found.passages[0].scores
    assert None not in {best.cosine, best.window_cosine, best.bm25, best.fused, best.lift}


@pytest.mark.parametrize("limit", [0, -1, MAX_LIMIT + 1, 10**9])
async def test_a_limit_out_of_bounds_is_refused(
    retrieval: Retrieval, library: Library, limit: int
) -> None:
    query = SearchQuery("bread", (await library.collection(),), limit=limit)
    with pytest.raises(InvalidError, match="between 1 and"):
        await retrieval.search(library.reader, query)


async def test_a_limit_is_kept(
    retrieval: Retrieval, library: Library, books: dict[str, Book]
) -> None:
    for limit in (1, 3, MAX_LIMIT):
        query = SearchQuery("bread", collection_of(books), limit=limit)
        found = await retrieval.search(library.reader, query)
        assert len(found.passages) == min(limit, len(TEXTS))


@pytest.mark.parametrize("text", ["", " \n\t ", "\u3000"])
async def test_an_empty_query_is_refused(retrieval: Retrieval, library: Library, text: str) -> None:
    query = SearchQuery(text, (await library.collection(),))
    with pytest.raises(InvalidError, match="empty"):
        await retrieval.search(library.reader, query)


async def test_a_search_of_no_collection_is_refused(retrieval: Retrieval, library: Library) -> None:
    with pytest.raises(InvalidError, match="collection"):
        await retrieval.search(library.reader, SearchQuery("bread"))


async def test_who_may_not_search_is_denied(retrieval: Retrieval, library: Library) -> None:
    nobody = Principal(library.tenant, UserId(new_id()), Role.OWNER, frozenset())
    with pytest.raises(DeniedError, match="search"):
        await retrieval.search(nobody, SearchQuery("bread", (await library.collection(),)))


@pytest.mark.parametrize(
    "text",
    ["?", "🍞", "\ud800", "\x00", "word " * 3000, "خبز", "a AND (b OR", '"', "' OR 1=1 --", "*:*"],
    ids=range(10),
)
async def test_any_text_can_be_searched_for(
    retrieval: Retrieval, library: Library, books: dict[str, Book], text: str
) -> None:
    for rerank in (False, True):
        query = SearchQuery(text, collection_of(books), rerank=rerank)
        found = await retrieval.search(library.reader, query)
        assert len(found.passages) <= len(TEXTS)


async def test_an_empty_collection_is_searched_in_vain(
    retrieval: Retrieval, library: Library
) -> None:
    collection = await library.collection()
    found = await retrieval.search(library.reader, SearchQuery("bread", (collection,)))
    assert (found.passages, found.positions) == ((), {collection: 0})


async def test_reading_word_by_word_prefers_the_passage_that_says_it(
    retrieval: Retrieval, library: Library, books: dict[str, Book]
) -> None:
    query = SearchQuery("What does E4712 mean?", collection_of(books), rerank=True)
    found = await retrieval.search(library.reader, query)
    assert titles(found)[0] == "Error codes"
    assert all(passage.scores.late is not None for passage in found.passages)
    scores = [passage.scores.final for passage in found.passages]
    assert scores == sorted(scores, reverse=True)
    assert "rerank" in found.milliseconds


async def test_an_embedder_that_cannot_read_word_by_word_leaves_the_order(
    projections: Projections,
    retrieval: Retrieval,
    library: Library,
    books: dict[str, Book],
    embedder: BuiltinEmbedder,
) -> None:
    secretive = Retrieval(library.database, Secretive(embedder), projections)
    query = SearchQuery("bread and wheat", collection_of(books))
    plain = await retrieval.search(library.reader, query)
    found = await secretive.search(library.reader, replace(query, rerank=True))
    assert titles(found) == titles(plain)
    assert all(passage.scores.late is None for passage in found.passages)
    # There is nothing that more time or another try would have given.
    assert found.degraded == ()


async def test_code_is_found_by_the_names_in_it_and_by_what_it_does(
    retrieval: Retrieval, library: Library
) -> None:
    for name, body in (
        ("retry", "def retry_request(url):\n    '''Try a failed request again.'''\n"),
        ("render", "def renderPage(html):\n    '''Draw the page on the screen.'''\n"),
        ("store", "def save_file(path):\n    '''Write the bytes to the disk.'''\n"),
    ):
        text = Text(name, body + "    return None\n" * 3, TextKind.CODE)
        book = await library.add_text(text)
    for asked, expected in (
        ("renderPage", "render"),
        ("retry_request", "retry"),
        ("how is a file written to disk", "store"),
    ):
        query = SearchQuery(asked, (book.collection_id,), limit=1)
        assert titles(await retrieval.search(library.reader, query)) == [expected], asked
