"""Chunks are spans: together they cover the text, alone they fit the embedder."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citewell.documents.parsers.markdown_structure import headings
from citewell.documents.splitting import (
    LEAST_CAPACITY,
    TARGET_CHARS,
    WHOLE_CHARS,
    WINDOW_CHARS,
    WINDOWED_CHARS,
    split,
    windows,
)
from citewell.domain.documents import PageSpan, ParsedText, TextKind

SENTENCE = "The keeper trims the lamp at dusk and writes the hour into the book. "


def by_letters(text: str) -> int:
    """About as many tokens as English has."""
    return len(text) // 5


def parsed(text: str, kind: TextKind = TextKind.PROSE, language: str = "") -> ParsedText:
    found = headings(text) if kind is TextKind.MARKDOWN else ()
    return ParsedText(text, kind, headings=found, code_language=language)


def uncovered(text: str, spans: list[tuple[int, int]]) -> str:
    """What no span covers."""
    ends = [0, *(end for _, end in spans)]
    gaps = zip(ends, [*(start for start, _ in spans), len(text)], strict=True)
    return "".join(text[end:start] for end, start in gaps)


PARAGRAPHS = st.lists(
    st.text(st.sampled_from("ab cdé.!?\n\t-#|`é漢字 \u2028"), max_size=400), max_size=30
).map("\n\n".join)
KINDS = st.sampled_from(
    [(TextKind.PROSE, ""), (TextKind.MARKDOWN, ""), (TextKind.TABLE, ""), (TextKind.CODE, "python")]
)


@settings(max_examples=60, deadline=None)
@given(PARAGRAPHS, KINDS)
def test_chunks_cover_all_that_is_not_white_space_once_and_in_order(
    text: str, kind: tuple[TextKind, str]
) -> None:
    pieces = split(parsed(text, *kind), by_letters)
    spans = [(piece.start, piece.end) for piece in pieces]
    assert spans == sorted(spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert uncovered(text, spans).strip() == ""


@settings(max_examples=60, deadline=None)
@given(PARAGRAPHS, KINDS)
def test_a_chunk_begins_and_ends_with_what_can_be_seen(
    text: str, kind: tuple[TextKind, str]
) -> None:
    for piece in split(parsed(text, *kind), by_letters):
        words = text[piece.start : piece.end]
        assert words == words.strip() != ""


@settings(max_examples=30, deadline=None)
@given(PARAGRAPHS, KINDS)
def test_the_same_text_is_always_cut_in_the_same_places(
    text: str, kind: tuple[TextKind, str]
) -> None:
    assert split(parsed(text, *kind), by_letters) == split(parsed(text, *kind), by_letters)


def test_a_short_text_is_one_chunk_and_a_long_one_is_not() -> None:
    assert len(split(parsed(SENTENCE * 20), by_letters)) == 1
    pieces = split(parsed(SENTENCE * 200), by_letters)
    assert len(pieces) > 5
    assert max(piece.end - piece.start for piece in pieces) <= TARGET_CHARS


def test_a_script_of_many_tokens_is_cut_shorter() -> None:
    text = SENTENCE * 200
    pieces = split(parsed(text), len)
    assert max(piece.end - piece.start for piece in pieces) <= LEAST_CAPACITY


def test_a_chunk_does_not_cross_an_upper_heading() -> None:
    part = SENTENCE * 10
    text = "\n\n".join(f"# Part {n}\n\n{part}" for n in range(6))
    for piece in split(parsed(text, TextKind.MARKDOWN), by_letters):
        assert text[piece.start + 1 : piece.end].count("# Part") == 0


def test_a_chunk_knows_the_headings_above_it() -> None:
    text = f"# Lamps\n\n{SENTENCE * 20}\n\n## Oil\n\n{SENTENCE * 20}\n\n# Horns\n\n{SENTENCE * 20}"
    pieces = split(parsed(text, TextKind.MARKDOWN), by_letters)
    paths = {text[p.start : p.end].split("\n")[0]: p.headings for p in pieces}
    assert paths["# Lamps"] == ("Lamps",)
    assert paths["## Oil"] == ("Lamps", "Oil")
    assert paths["# Horns"] == ("Horns",)


def test_a_chunk_knows_its_page_and_its_label() -> None:
    half = SENTENCE * 30
    text = half + half
    pages = (PageSpan(1, 0, len(half), "first"), PageSpan(2, len(half), len(text), "second"))
    pieces = split(ParsedText(text, TextKind.PROSE, pages=pages), by_letters)
    assert (pieces[0].page, pieces[0].page_label) == (1, "first")
    assert (pieces[-1].page, pieces[-1].page_label) == (2, "second")
    assert not any(piece.start < len(half) < piece.end for piece in pieces)


def test_a_function_is_not_torn_when_it_fits() -> None:
    functions = [
        f"def lamp_{n}(oil):\n" + "    oil = oil + 1\n" * 20 + "    return oil\n" for n in range(12)
    ]
    source = "\n\n".join(functions)
    for piece in split(parsed(source, TextKind.CODE, "python"), by_letters):
        assert source[piece.start : piece.end].startswith("def lamp_")


def test_white_space_alone_makes_no_chunk() -> None:
    assert split(parsed(" \n\t \n"), by_letters) == []


@pytest.mark.parametrize("length", [WINDOWED_CHARS, WHOLE_CHARS])
def test_only_a_long_text_has_windows(length: int) -> None:
    text = (SENTENCE * 60)[:length]
    found = windows(text)
    assert bool(found) == (length > WINDOWED_CHARS)


@given(st.lists(st.text(st.sampled_from("abc .!?\n"), min_size=1, max_size=300), max_size=12))
def test_windows_overlap_and_leave_out_no_word(parts: list[str]) -> None:
    text = " ".join(parts)
    found = list(windows(text))
    if not found:
        return
    assert all(0 <= start < end <= len(text) for start, end in found)
    assert all(end - start <= WINDOW_CHARS for start, end in found)
    seen = {at for start, end in found for at in range(start, end)}
    assert not "".join(c for at, c in enumerate(text) if at not in seen).strip()
