"""Tools that look things up: with the rights of the caller, in the collections of the question."""

from dataclasses import replace

import pytest

from citewell.agent.tools.calling import Result, Toolbox
from citewell.agent.tools.contract import Setting
from citewell.agent.tools.registry import made
from citewell.domain.ids import new_id
from citewell.domain.principal import Scope
from tests.unit.retrieval.library import Book, Library

LIGHTHOUSE = "The lighthouse was built in 1871 of granite. Its lamp is seen from thirty miles. "


@pytest.fixture
async def book(library: Library) -> Book:
    return await library.add("Lighthouse", LIGHTHOUSE * 60)


@pytest.fixture
async def other(library: Library) -> Book:
    return await library.add("Secret plans", "The secret plan is to paint it.", collection="plans")


@pytest.fixture
def asked(setting: Setting, library: Library, book: Book) -> Setting:
    return replace(setting, principal=library.reader, collections=(book.collection_id,))


async def call(setting: Setting, name: str, **arguments: object) -> Result:
    box = Toolbox.of(setting.principal, "run-1", made(setting), untrusted=False)
    result = await box.call({"name": name, "args": arguments, "id": "1"})
    assert result.failed or box.untrusted, "what was read is others' words"
    return result


async def test_search_finds_passages_that_can_be_cited(asked: Setting, book: Book) -> None:
    result = await call(asked, "search", query="When was the lighthouse built?")
    assert "1871" in result.text
    best = result.found.passages[0]
    assert best.document_id == book.document_id
    assert book.text[best.start : best.end] == best.text
    assert str(book.document_id) in result.text


async def test_search_stays_in_the_collections_that_were_asked(asked: Setting, other: Book) -> None:
    result = await call(asked, "search", query="secret plan to paint")
    assert "secret" not in result.text
    refused = await call(asked, "search", query="plan", collections=[str(other.collection_id)])
    assert "Extra inputs" in refused.text


async def test_a_document_is_read_on_from_any_passage(asked: Setting, book: Book) -> None:
    document = str(book.document_id)
    first = await call(asked, "read_document", document=document, count=2)
    rest = await call(asked, "read_document", document=document, first=2, count=8)
    passages = [*first.found.passages, *rest.found.passages]
    assert [one.ordinal for one in passages] == list(range(len(passages)))
    assert len(passages) > 2
    assert all(book.text[one.start : one.end] == one.text for one in passages)
    beyond = await call(asked, "read_document", document=document, first=10_000)
    assert (beyond.text, beyond.found.passages) == ("There is no passage from there on.", ())


async def test_a_document_that_was_not_asked_about_does_not_exist(
    asked: Setting, other: Book, library: Library, book: Book
) -> None:
    missing = (await call(asked, "read_document", document=str(new_id()))).text
    foreign = (await call(asked, "read_document", document=str(other.document_id))).text
    assert missing.startswith("No document")
    assert foreign.startswith("No document")
    await library.delete(book)
    deleted = await call(asked, "read_document", document=str(book.document_id))
    assert deleted.text.startswith("No document")
    assert "no id" in (await call(asked, "read_document", document="../etc/passwd")).text


async def test_records_are_counted_by_those_who_may_list_documents(
    asked: Setting, book: Book
) -> None:
    query = "SELECT title FROM documents"
    without = await call(asked, "query_records", sql=query)
    assert "There is no tool 'query_records'" in without.text
    scopes = asked.principal.scopes | {Scope.DOCUMENTS_READ}
    may = replace(asked, principal=replace(asked.principal, scopes=scopes))
    assert (await call(may, "query_records", sql=query)).text == '["title"]\n["Lighthouse"]'
    wrong = await call(may, "query_records", sql="SELECT * FROM users")
    assert wrong.failed
    assert "There is no view" in wrong.text
    nothing = await call(may, "query_records", sql="SELECT id FROM documents WHERE pages = 9")
    assert nothing.text == "No row."
