"""How a text is cut into passes that a model of limited sight can read."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.inference.embedding import PassageText, Span
from citewell.inference.model_runtime import BUILTIN
from citewell.inference.wordpieces import WordPieces, plan_passes, stretches

PIECES = WordPieces((BUILTIN / "tokenizer.json").read_text(encoding="utf-8"))
LONG = " ".join(f"word{n} follows" for n in range(400))


@st.composite
def layouts(draw: st.DrawFn) -> tuple[int, int, list[Span]]:
    count = draw(st.integers(0, 600))
    ends = st.integers(0, count)
    windows = draw(st.lists(st.tuples(ends, ends).map(lambda w: (min(w), max(w))), max_size=12))
    return count, draw(st.integers(1, 254)), windows


@given(layouts())
def test_stretches_cover_every_token_and_keep_every_window_that_fits_whole(
    layout: tuple[int, int, list[Span]],
) -> None:
    count, room, windows = layout
    found = stretches(count, room, windows)
    assert found[0][0] == 0
    assert found[-1][1] == count
    assert all(0 <= end - start <= room for start, end in found)
    assert all(a[0] < b[0] <= a[1] < b[1] for a, b in pairwise(found))
    for first, last in windows:
        if last - first <= room:
            assert any(start <= first and last <= end for start, end in found)


@given(layouts())
def test_texts_without_windows_are_read_once_and_only_once(
    layout: tuple[int, int, list[Span]],
) -> None:
    count, room, _ = layout
    found = stretches(count, room, ())
    assert all(a[1] == b[0] for a, b in pairwise(found))


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), max_size=8))
def test_each_window_takes_in_each_of_its_tokens_exactly_once(ends: list[Span]) -> None:
    windows = tuple((min(w), max(w)) for w in ends)
    passes = plan_passes(PIECES, 7, PassageText(LONG, "A heading", windows), 256)
    spans = PIECES.encode(LONG).spans
    for row, (start, end) in enumerate(windows, start=1):
        pools = [pool for one in passes for pool in one.pools if pool.row == row]
        taken = sum(pool.end - pool.start for pool in pools)
        assert taken == sum(start <= span[0] < end for span in spans)
        assert all(pool.text == 7 for pool in pools)


def test_no_pass_is_longer_than_the_model_reads() -> None:
    passes = plan_passes(PIECES, 0, PassageText(LONG, LONG), 256)
    assert max(len(one.ids) for one in passes) == 256
    assert all(one.ids[0] == PIECES.open_id for one in passes)
    assert all(one.ids[-1] == PIECES.close_id for one in passes)


def test_a_long_context_leaves_three_quarters_of_a_pass_to_the_text() -> None:
    (one,) = plan_passes(PIECES, 0, PassageText("fish", LONG), 256)
    assert len(one.ids) == 64 + 1 + 2


def test_spans_point_at_the_characters_of_the_text_even_after_lone_surrogates() -> None:
    text = "\ud800 Übergröße 🦜 naïve"
    spans = PIECES.encode(text).spans
    assert text[spans[-1][0] : spans[-1][1]] == "naïve"


def test_a_tokenizer_without_special_tokens_is_refused() -> None:
    bare = '{"version":"1.0","model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}}'
    with pytest.raises(ValueError, match="CLS"):
        WordPieces(bare)
