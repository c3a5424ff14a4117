"""A document's description changes only from a state that its caller has seen, if one is named."""

import asyncio
from dataclasses import replace

import pytest

from citewell.documents.revisions import revision
from citewell.domain.documents import Document
from citewell.domain.errors import ChangedError, NotFoundError
from tests.unit.documents.conftest import Library

LAMP = b"The lamp burns whale oil.\n"


async def test_of_changes_to_one_seen_state_of_a_document_a_single_one_is_made(
    library: Library,
) -> None:
    document = await library.ready("lamp.txt", LAMP)

    async def describe(title: str) -> Document:
        changes, seen = {"title": title}, {revision(document)}
        return await library.documents.describe(library.owner, document.id, changes, seen=seen)

    results = await asyncio.gather(*map(describe, "abcdefgh"), return_exceptions=True)
    (winner,) = (one for one in results if isinstance(one, Document))
    assert [type(one) for one in results].count(ChangedError) == 7
    assert await library.shown(document) == winner


async def test_any_of_the_seen_states_will_do_and_none_is_none(library: Library) -> None:
    document = await library.ready("lamp.txt", LAMP)
    describe, owner = library.documents.describe, library.owner
    seen = {"another", revision(document)}
    assert (await describe(owner, document.id, {"title": "A"}, seen=seen)).title == "A"
    for stale in (seen, frozenset[str]()):
        with pytest.raises(ChangedError):
            await describe(owner, document.id, {"title": "B"}, seen=stale)
    assert (await describe(owner, document.id, {"title": "C"})).title == "C"


async def test_a_deleted_document_is_missing_and_not_changed(library: Library) -> None:
    document = await library.ready("lamp.txt", LAMP)
    await library.documents.delete(library.owner, document.id)
    with pytest.raises(NotFoundError):
        await library.documents.describe(
            library.owner, document.id, {"title": "A"}, seen={revision(document)}
        )


async def test_a_revision_tells_states_apart_and_knows_equal_ones(library: Library) -> None:
    document = await library.ready("lamp.txt", LAMP)
    assert revision(await library.shown(document)) == revision(document)
    for other in (
        replace(document, title="A"),
        replace(document, tags=("a",)),
        replace(document, metadata={"a": 1}),
        replace(document, chunks_done=document.chunks_done + 1),
    ):
        assert revision(other) != revision(document)
