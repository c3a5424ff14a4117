"""Late interaction: every word of the question looks for its best match."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest

from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.embedding import TokenStates
from citewell.inference.reranking.late_interaction import LateInteraction, max_similarity
from tests.unit.retrieval.embedders import Secretive


@pytest.fixture
async def embedder() -> AsyncIterator[BuiltinEmbedder]:
    made = BuiltinEmbedder(1)
    yield made
    await made.close()


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
    found = await LateInteraction(embedder).scores("Where was the treaty signed?", texts)
    assert found is not None
    assert found[1] > found[0] > found[2] == 0


async def test_an_embedder_without_token_states_has_no_opinion(embedder: BuiltinEmbedder) -> None:
    assert await LateInteraction(Secretive(embedder)).scores("a", ["b"]) is None


async def test_closing_it_leaves_the_embedder_to_whoever_opened_it(
    embedder: BuiltinEmbedder,
) -> None:
    await LateInteraction(embedder).close()
    assert (await embedder.embed_query("still here")).any()


async def test_who_cancels_it_is_not_held_up(embedder: BuiltinEmbedder) -> None:
    long = ["word " * 2000] * 10
    task = asyncio.ensure_future(LateInteraction(embedder).scores("word", long))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
