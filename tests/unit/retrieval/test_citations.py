"""A citation holds when its quote is the stored text at its span, at the moment of looking."""

from dataclasses import replace

import pytest

from citewell.domain.ids import ChunkId, VersionId, new_id
from citewell.domain.passages import Citation
from citewell.retrieval.citations import Citations
from citewell.storage.database import Database
from citewell.storage.sealing.masters import MasterKeys
from tests.unit.retrieval.library import Book, Library, Text
from tests.unit.storage.rows import execute

TEXT = "Łódź is a city.\nIt has 😀 many mills. Cotton was spun there."


@pytest.fixture(autouse=True, params=["plain", "sealed"])
async def stored(database: Database, request: pytest.FixtureRequest) -> None:
    """What is added is stored as it is, or sealed."""
    if request.param == "sealed":
        await database.vault.unlock(MasterKeys((bytes(range(32)),)))


@pytest.fixture
def citations(database: Database) -> Citations:
    return Citations(database)


@pytest.fixture
async def book(library: Library) -> Book:
    return await library.add("Cities", TEXT)


def cite(book: Book, quote: str, *, start: int | None = None) -> Citation:
    at = book.text.index(quote) if start is None else start
    return Citation(
        number=1,
        answer_start=0,
        answer_end=len(quote),
        chunk_id=ChunkId(new_id()),
        document_id=book.document_id,
        version_id=book.version_id,
        start=at,
        end=at + len(quote),
        quote=quote,
        title="Cities",
        filename="Cities.md",
        page=None,
        verified=False,
    )


async def holds(citations: Citations, library: Library, *cited: Citation) -> list[bool]:
    checked = await citations.check(library.reader, cited)
    assert [replace(one, verified=False) for one in checked] == [
        replace(one, verified=False) for one in cited
    ]
    return [one.verified for one in checked]


async def test_a_quote_that_stands_there_is_verified_to_the_character(
    citations: Citations, library: Library, book: Book
) -> None:
    # Characters beyond the basic plane and before the span count as one each.
    for quote in (TEXT, "It has 😀 many mills.", "Cotton was spun there.", "Łódź", "😀"):
        assert await holds(citations, library, cite(book, quote)) == [True], quote


@pytest.mark.parametrize(
    ("quote", "start"),
    [
        ("Cotton was spun here.", 37),
        ("Cotton was spun there.", 36),
        ("Cotton was spun there.", 38),
        ("cotton was spun there.", 37),
        ("Lodz", 0),
        ("x", 10_000),
        ("Cotton was spun there. And more", 37),
    ],
)
async def test_a_quote_that_does_not_stand_there_is_not_verified(
    citations: Citations, library: Library, book: Book, quote: str, start: int
) -> None:
    assert TEXT.index("Cotton") == 37
    claimed = replace(cite(book, quote, start=start), verified=True)
    assert await holds(citations, library, claimed) == [False]


async def test_one_that_fails_does_not_take_the_others_with_it(
    citations: Citations, library: Library, book: Book
) -> None:
    good, bad = cite(book, "Łódź is a city."), cite(book, "Paris", start=0)
    assert await holds(citations, library, good, bad, good) == [True, False, True]
    assert await citations.check(library.reader, ()) == ()


async def test_a_version_that_was_replaced_still_holds_what_it_said(
    citations: Citations, library: Library, book: Book
) -> None:
    cited = cite(book, "Łódź is a city.")
    newer = await library.replace(book, Text("Cities", "Paris is a city."))
    assert await holds(citations, library, cited) == [True]
    assert await holds(citations, library, cite(newer, "Paris is a city.")) == [True]
    assert await holds(citations, library, replace(cited, version_id=newer.version_id)) == [False]


async def test_a_version_that_is_gone_holds_nothing(
    citations: Citations, library: Library, book: Book, database: Database
) -> None:
    cited = cite(book, "Łódź is a city.")
    await execute(database, "DELETE FROM documents WHERE id = :id", id=book.document_id)
    unknown = replace(cited, version_id=VersionId(new_id()))
    assert await holds(citations, library, cited, unknown) == [False, False]


async def test_a_quote_from_another_tenants_document_is_not_verified(
    citations: Citations, library: Library, neighbours: Library
) -> None:
    theirs = await neighbours.add("Cities", TEXT)
    assert await holds(citations, neighbours, cite(theirs, "Łódź is a city.")) == [True]
    assert await holds(citations, library, cite(theirs, "Łódź is a city.")) == [False]
