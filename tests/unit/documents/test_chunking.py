"""A chunk carries what surrounds it for searching, and is the same whenever it is made."""

from hypothesis import given, settings
from hypothesis import strategies as st

from citewell.documents.chunking import CONTEXT_CHARS, Described, chunk_text
from citewell.documents.parsers.markdown_structure import headings
from citewell.domain.documents import Chunk, ParsedText, TextKind
from citewell.domain.ids import VersionId, new_id

SENTENCE = "The keeper trims the lamp at dusk and writes the hour into the book. "
VERSION = VersionId(new_id())


def by_letters(text: str) -> int:
    return len(text) // 5


def chunks(parsed: ParsedText, described: Described | None = None) -> list[Chunk]:
    return chunk_text(parsed, VERSION, described or Described("Title", "f.txt"), by_letters)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text("ab c.\n漢", max_size=300), max_size=20).map("\n\n".join))
def test_the_same_version_always_has_the_same_chunks(text: str) -> None:
    parsed = ParsedText(text, TextKind.PROSE, language="en")
    assert chunks(parsed) == chunks(parsed)
    found = chunks(parsed)
    assert len({chunk.id for chunk in found}) == len(found)
    assert [chunk.ordinal for chunk in found] == list(range(len(found)))


def test_another_version_of_the_same_text_has_chunks_of_its_own() -> None:
    parsed = ParsedText(SENTENCE, TextKind.PROSE)
    (mine,) = chunks(parsed)
    (other,) = chunk_text(parsed, VersionId(new_id()), Described("Title", "f.txt"), by_letters)
    assert mine.id != other.id


def test_the_context_names_folder_title_and_headings_once() -> None:
    text = f"# Lamps\n\n{SENTENCE}\n\n## Oil\n\n{SENTENCE}"
    parsed = ParsedText(text, TextKind.MARKDOWN, headings=headings(text))
    (chunk,) = chunks(parsed, Described("Lamps", "light-house/keeping_book.md"))
    assert chunk.context == "light house keeping book › Lamps"


def test_a_context_is_bounded_however_long_a_title_is() -> None:
    parsed = ParsedText(SENTENCE, TextKind.PROSE)
    (chunk,) = chunks(parsed, Described("very " * 500, "f.txt"))
    assert len(chunk.context) == CONTEXT_CHARS


def test_the_head_of_a_table_stands_above_each_of_its_chunks() -> None:
    rows = "lamp;oil;hour\n" + "".join(f"north {n};whale;{n % 24}\n" for n in range(400))
    found = chunks(ParsedText(rows, TextKind.TABLE))
    assert len(found) > 3
    assert all("lamp;oil;hour" in chunk.context for chunk in found)


def test_a_row_of_json_is_no_head() -> None:
    rows = "".join(f'{{"lamp": {n}}}\n' for n in range(400))
    assert not any("{" in chunk.context for chunk in chunks(ParsedText(rows, TextKind.TABLE)))


def test_a_method_is_found_by_the_class_around_it() -> None:
    body = "".join(f"    def burn_{n}(self):\n        return {n}\n\n" for n in range(80))
    source = f"class Lighthouse:\n{body}"
    parsed = ParsedText(source, TextKind.CODE, code_language="python")
    assert all("class Lighthouse" in chunk.context for chunk in chunks(parsed)[1:])


def test_tags_and_metadata_are_words_of_every_chunk() -> None:
    described = Described("T", "f.txt", ["harbour"], {"place": "Cape Ward", "nested": {"no": 1}})
    for chunk in chunks(ParsedText(SENTENCE * 100, TextKind.PROSE, language="en"), described):
        assert {"harbour", "cape", "ward"} <= set(chunk.field_terms.split())


def test_a_chunk_counts_the_words_that_are_searched() -> None:
    (chunk,) = chunks(ParsedText(SENTENCE, TextKind.PROSE, language="en"))
    assert chunk.tokens == len(chunk.terms.split()) > 0
