"""Late interaction: every word of the question looks for its best match, within its time."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.embedding import TokenStates
from citewell.retrieval.late import blend, max_similarities, max_similarity
from tests.unit.retrieval.embedders import Secretive

SECONDS = 20.0


def states(*rows: Sequence[float]) -> TokenStates:
    matrix = np.array(rows, dtype=np.float32).reshape(-1, 2)
    return TokenStates(matrix, tuple((n, n + 1) for n in range(len(matrix))))


def test_each_word_of_the_question_counts_by_its_best_match() -> None:
    question = states((1, 0), (0, 1))
    assert max_similarity(question, states((1, 0), (0.6, 0.8))) == pytest.approx((1 + 0.8) / 2)
    assert max_similarity(question, question) == pytest.approx(1)


def test_nothing_matches_an_empty_text_nor_an_empty_question() -> None:
    assert max_similarity(states(), states((1, 0))) == 0
    assert max_similarity(states((1, 0)), states()) == 0


async def test_a_passage_that_says_it_is_nearer_than_one_that_does_not(
    embedder: BuiltinEmbedder,
) -> None:
    texts = ["Bread is baked in an oven.", "The treaty was signed in Vienna in 1815.", ""]
    found = await max_similarities(embedder, "Where was the treaty signed?", texts, seconds=SECONDS)
    assert found is not None
    assert found[1] > found[0] > found[2] == 0


async def test_when_the_time_is_up_that_is_said(embedder: BuiltinEmbedder) -> None:
    long = ["word " * 2000] * 20
    with pytest.raises(TimeoutError):
        await max_similarities(embedder, "word", long, seconds=0.001)


async def test_an_embedder_without_token_states_reranks_nothing(embedder: BuiltinEmbedder) -> None:
    assert await max_similarities(Secretive(embedder), "a", ["b"], seconds=SECONDS) is None


async def test_a_search_that_is_cancelled_is_not_taken_for_one_that_was_slow(
    embedder: BuiltinEmbedder,
) -> None:
    long = ["word " * 2000] * 10
    task = asyncio.ensure_future(max_similarities(embedder, "word", long, seconds=SECONDS))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


SIDES = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(-1, 1), min_size=n, max_size=n),
        st.lists(st.floats(-1, 1), min_size=n, max_size=n),
    )
)


@given(sides=SIDES)
def test_what_both_sides_prefer_stays_in_front(sides: tuple[list[float], list[float]]) -> None:
    fused, late = sides
    blended = blend(fused, late)
    assert all(-1e-9 <= one <= 1 + 1e-9 for one in blended)
    for at, mine in enumerate(zip(fused, late, strict=True)):
        for other, theirs in enumerate(zip(fused, late, strict=True)):
            if mine[0] >= theirs[0] and mine[1] >= theirs[1]:
                assert blended[at] >= blended[other] - 1e-9


def test_equal_scores_on_one_side_leave_the_order_to_the_other() -> None:
    by_words = blend([0.5, 0.5, 0.5], [0.1, 0.9, 0.4])
    assert by_words[1] > by_words[2] > by_words[0]
    first = blend([0.9, 0.5], [0.3, 0.3])
    assert first[0] > first[1]
