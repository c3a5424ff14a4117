"""Pooling: rows of unit length, one for the whole and one for every window."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.embedding import PassageText
from citewell.inference.pooling import pool_rows, sum_pools, unit
from citewell.inference.wordpieces import Pass, Pool

STATES = np.array([[1, 0], [0, 1], [0, 3], [5, 5]], dtype=np.float32)


def rows(*pools: Pool, sizes: list[int]) -> list[list[list[float]]]:
    summed = sum_pools(Pass(ids=[0] * len(STATES), pools=pools), STATES)
    return [one.astype(float).round(3).tolist() for one in pool_rows(summed, sizes)]


def test_a_row_points_where_its_tokens_point_together() -> None:
    (made,) = rows(Pool(0, 0, 0, 2), Pool(0, 1, 1, 3), sizes=[2])
    assert made == [[0.707, 0.707], [0, 1]]


def test_parts_that_were_read_apart_are_added_up() -> None:
    apart = rows(Pool(0, 0, 0, 1), Pool(0, 0, 1, 2), sizes=[1])
    assert apart == rows(Pool(0, 0, 0, 2), sizes=[1])


def test_every_text_has_its_own_rows() -> None:
    assert rows(Pool(1, 0, 0, 1), Pool(0, 0, 1, 2), sizes=[1, 1]) == [[[0, 1]], [[1, 0]]]


def test_a_window_without_a_token_has_the_row_of_the_whole() -> None:
    (made,) = rows(Pool(0, 0, 0, 1), Pool(0, 1, 2, 2), sizes=[3])
    assert made == [[1, 0]] * 3


@given(values=st.lists(st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 3), min_size=1, max_size=9))
def test_rows_have_length_one_unless_they_are_nothing(values: list[tuple[float, ...]]) -> None:
    given_ = np.array(values, dtype=np.float32)
    lengths = np.linalg.norm(unit(given_), axis=1)
    large = np.abs(given_).max(axis=1) > 1e-12
    assert np.allclose(lengths[large], 1, atol=1e-4)
    assert np.isfinite(unit(given_)).all()


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\ud800", "\x00"])
async def test_a_text_without_words_has_a_row_too(text: str) -> None:
    embedder = BuiltinEmbedder(1)
    made = await embedder.embed_passages([PassageText(text), PassageText("word", text)])
    await embedder.close()
    assert [one.shape for one in made] == [(1, embedder.model.dimension)] * 2
    assert all(np.isfinite(one).all() for one in made)
