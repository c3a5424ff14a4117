"""The bundled model: what it makes, how close to the original, and who waits for whom."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from citewell.domain.errors import UnavailableError
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.embedding import PassageText
from citewell.inference.model_runtime import open_runtime
from citewell.inference.pooling import unit

REFERENCE = Path(__file__).with_name("reference.npz")
FIRST = "The lighthouse keeper logged every ship that passed the northern reef. " * 3
SECOND = "Sourdough bread rises slowly because wild yeast works at its own pace. " * 3


@pytest.fixture(scope="module")
def embedder() -> Iterator[BuiltinEmbedder]:
    made = BuiltinEmbedder(2)
    yield made
    asyncio.run(made.close())


@pytest.fixture(scope="module")
def reference() -> tuple[list[str], NDArray[np.float32]]:
    with np.load(REFERENCE, allow_pickle=False) as stored:
        return [str(text) for text in stored["texts"]], stored["vectors"]


async def test_vectors_lie_within_a_hundredth_of_the_fp32_model(
    embedder: BuiltinEmbedder, reference: tuple[list[str], NDArray[np.float32]]
) -> None:
    texts, wanted = reference
    made = await embedder.embed_passages([PassageText(text) for text in texts])
    short = [n for n, text in enumerate(texts) if embedder.count_tokens(text) <= 254]
    cosines = np.asarray([float(made[n][0] @ wanted[n]) for n in short])
    assert len(short) >= 12
    assert cosines.mean() >= 0.99
    assert cosines.min() >= 0.98


async def test_a_passage_and_a_question_of_the_same_words_have_the_same_vector(
    embedder: BuiltinEmbedder,
) -> None:
    (rows,) = await embedder.embed_passages([PassageText(FIRST)])
    np.testing.assert_allclose(rows[0], await embedder.embed_query(FIRST), atol=1e-6)


async def test_each_half_of_a_text_on_two_matters_has_its_own_vector(
    embedder: BuiltinEmbedder,
) -> None:
    text, cut = FIRST + SECOND, len(FIRST)
    passage = PassageText(text, windows=((0, cut), (cut, len(text))))
    (rows,) = await embedder.embed_passages([passage])
    alone = await embedder.embed_query(SECOND)
    assert rows.shape == (3, 384)
    assert float(rows[1] @ rows[2]) < 0.9
    assert float(rows[2] @ alone) > float(rows[1] @ alone) + 0.1
    assert float(rows[2] @ alone) < 0.9999


async def test_a_windows_vector_is_the_late_mean_of_the_states_of_the_whole_text(
    embedder: BuiltinEmbedder,
) -> None:
    text, cut = FIRST + SECOND, len(FIRST)
    (rows,) = await embedder.embed_passages([PassageText(text, windows=((cut, len(text)),))])
    runtime = open_runtime()
    pieces = runtime.pieces.encode(text)
    states = runtime.run(runtime.pieces.enclose(pieces.ids))
    late = [states[1 + n] for n, span in enumerate(pieces.spans) if span[0] >= cut]
    np.testing.assert_allclose(rows[1], unit(np.mean(late, axis=0)), atol=1e-5)
    np.testing.assert_allclose(rows[0], unit(states.mean(axis=0)), atol=1e-5)


async def test_a_window_far_beyond_the_models_limit_still_speaks_of_its_own_text(
    embedder: BuiltinEmbedder,
) -> None:
    filler = "Quarterly figures were filed without remarks. " * 200
    text = filler + SECOND
    window = (len(filler), len(text))
    (rows,) = await embedder.embed_passages([PassageText(text, "Notes", ((0, 400), window))])
    about = await embedder.embed_query(SECOND)
    assert float(rows[2] @ about) > 0.7
    assert float(rows[1] @ about) < 0.4


async def test_a_window_without_words_has_the_vector_of_the_whole(
    embedder: BuiltinEmbedder,
) -> None:
    (rows,) = await embedder.embed_passages(
        [PassageText("Fish \n\n swim", windows=((5, 6), (90, 99)))]
    )
    np.testing.assert_array_equal(rows[1], rows[0])
    np.testing.assert_array_equal(rows[2], rows[0])


async def test_token_states_reach_to_the_end_of_a_text_of_many_passes(
    embedder: BuiltinEmbedder,
) -> None:
    text = "A line of the ledger. " * 150
    (tokens,) = await embedder.token_states([text])
    assert tokens.states.shape == (embedder.count_tokens(text), 384)
    assert text[slice(*tokens.spans[-1])] == "."
    assert await embedder.token_states([]) == []
    (empty,) = await embedder.token_states([""])
    assert empty.states.shape == (0, 384)


async def test_questions_are_answered_while_thousands_of_tokens_are_still_embedded(
    embedder: BuiltinEmbedder,
) -> None:
    bulk = [PassageText(FIRST * 5) for _ in range(400)]
    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        whole = group.create_task(embedder.embed_passages(bulk))
        await embedder.embed_passages([PassageText("the bulk is under way")])
        waits = []
        for number in range(10):
            began = time.perf_counter()
            await embedder.embed_query(f"question {number}")
            waits.append(time.perf_counter() - began)
        assert not whole.done()
        # Behind a single slice of the bulk it would be over a second.
        assert sorted(waits)[5] < 0.25
    assert len(whole.result()) == 400


async def test_a_cancelled_bulk_leaves_the_embedder_free_for_others(
    embedder: BuiltinEmbedder,
) -> None:
    bulk = [PassageText(FIRST * 5) for _ in range(2000)]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await embedder.embed_passages(bulk)
    async with asyncio.timeout(5):
        assert len(await embedder.embed_passages([PassageText("next")])) == 1


async def test_closing_during_a_bulk_tells_its_caller_instead_of_cancelling_it() -> None:
    made = BuiltinEmbedder(1)
    bulk = [PassageText(FIRST * 5) for _ in range(1000)]

    async def embed() -> None:
        with pytest.raises(UnavailableError, match="closed"):
            await made.embed_passages(bulk)

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        waiting = group.create_task(embed())
        await made.embed_passages([PassageText("under way")])
        await made.close()
        await waiting


async def test_a_question_means_the_same_alone_and_in_company(embedder: BuiltinEmbedder) -> None:
    alone = await embedder.embed_query(SECOND)
    together = await asyncio.gather(*(embedder.embed_query(SECOND) for _ in range(3)))
    for vector in together:
        np.testing.assert_allclose(vector, alone, atol=1e-6)
