"""A cross-encoder keeps what every reranker promises, and gives the scores of its model."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from citewell.domain.errors import StartError, UnavailableError
from citewell.inference.opening import Server, open_reranker
from citewell.inference.reranking.reranker import Reranker
from tests.contract.test_rerankers import (
    QUESTION,
    TEXTS,
    test_every_text_has_one_finite_score_however_odd,
    test_it_has_a_name_for_the_bill_and_a_share_of_the_order,
    test_it_may_be_closed_twice,
    test_many_tasks_get_each_their_own_scores,
    test_no_texts_have_no_scores,
)
from tests.local import making

__all__ = [
    "test_every_text_has_one_finite_score_however_odd",
    "test_it_has_a_name_for_the_bill_and_a_share_of_the_order",
    "test_it_may_be_closed_twice",
    "test_many_tasks_get_each_their_own_scores",
    "test_no_texts_have_no_scores",
]


@pytest.fixture
async def reranker(ranker_folder: Path) -> AsyncIterator[Reranker]:
    opened = await open_reranker(f"cross-encoder:{ranker_folder}", Server(""), seconds=2)
    assert opened is not None
    yield opened
    await opened.close()


async def test_its_scores_are_the_models_numbers_unsquashed(
    reranker: Reranker, ranker_folder: Path
) -> None:
    texts = [*TEXTS, *(f"{TEXTS[0]} {n}" for n in range(10))]
    model = AutoModelForSequenceClassification.from_pretrained(ranker_folder, use_safetensors=True)
    tokenizer = AutoTokenizer.from_pretrained(ranker_folder)
    with torch.inference_mode():
        read = tokenizer(
            [QUESTION] * len(texts), texts, padding=True, truncation=True, return_tensors="pt"
        )
        wanted = model(**read).logits[:, 0].tolist()
    assert await reranker.scores(QUESTION, texts) == pytest.approx(wanted, abs=1e-5)
    assert (reranker.name, reranker.share) == ("tiny-ranker", 1.0)


async def test_a_model_that_sorts_into_kinds_is_no_reranker(tmp_path: Path) -> None:
    folder = making.bert(tmp_path / "sorter", labels=3)
    with pytest.raises(StartError, match="sorts texts into 3 kinds") as raised:
        await open_reranker(f"cross-encoder:{folder}", Server(""), seconds=2)
    assert "trained to rank" in raised.value.hint


async def test_a_closed_cross_encoder_says_that_it_is_unavailable(reranker: Reranker) -> None:
    await reranker.close()
    with pytest.raises(UnavailableError, match="closed"):
        await reranker.scores(QUESTION, TEXTS)
