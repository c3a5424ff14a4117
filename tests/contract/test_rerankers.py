"""What every reranker promises, kept by each of them; the remote one over real HTTP."""

import asyncio
import math
from collections.abc import AsyncIterator

import pytest

from citewell.domain.errors import UnavailableError
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.reranking.http_reranker import HttpReranker, RerankServer
from citewell.inference.reranking.late_interaction import LateInteraction
from citewell.inference.reranking.reranker import Reranker
from citewell.inference.reranking.wire import Dialect
from tests.contract.rerank_server import MODEL, rerank_server

QUESTION = "What does a tulip bulb need before it will flower?"
TEXTS = [
    "Rain fell on the harbour all night, and the boats stayed in.",
    "Payroll closes on the fifth working day of each month.",
    "A tulip bulb does need a cold winter before it will flower.",
    "def connect(host, port): return socket.create_connection((host, port))",
]
ODD = [
    "",
    " ",
    "\n\n\t",
    "\ud800 broken \udfff",
    "\x00\x07\x1b[0m",
    "日本語",
    "🦜" * 50,
    "a" * 5000,
]


@pytest.fixture(params=["late", "cohere", "jina", "voyage", "tei"])
async def reranker(request: pytest.FixtureRequest) -> AsyncIterator[Reranker]:
    if request.param == "late":
        embedder = BuiltinEmbedder(2)
        yield LateInteraction(embedder)
        await embedder.close()
        return
    dialect = Dialect.TEI if request.param == "tei" else Dialect.COHERE
    with rerank_server(request.param) as server:
        remote = HttpReranker.open(RerankServer(MODEL, server.base_url, dialect=dialect))
        yield remote
        await remote.close()


async def test_the_text_that_answers_has_the_best_score_wherever_it_stands(
    reranker: Reranker,
) -> None:
    for turn in range(len(TEXTS)):
        turned = TEXTS[turn:] + TEXTS[:turn]
        scores = await reranker.scores(QUESTION, turned)
        assert scores is not None
        assert turned[scores.index(max(scores))] == TEXTS[2]


async def test_every_text_has_one_finite_score_however_odd(reranker: Reranker) -> None:
    for question in (QUESTION, *ODD[:4]):
        scores = await reranker.scores(question, ODD)
        assert scores is not None
        assert len(scores) == len(ODD)
        assert all(math.isfinite(score) for score in scores)


async def test_no_texts_have_no_scores(reranker: Reranker) -> None:
    assert await reranker.scores(QUESTION, []) == []


async def test_many_tasks_get_each_their_own_scores(reranker: Reranker) -> None:
    alone = [await reranker.scores(QUESTION, TEXTS[n:]) for n in range(4)]
    together = await asyncio.gather(*(reranker.scores(QUESTION, TEXTS[n % 4 :]) for n in range(16)))
    for n, scores in enumerate(together):
        assert scores == pytest.approx(alone[n % 4])


async def test_it_has_a_name_for_the_bill_and_a_share_of_the_order(reranker: Reranker) -> None:
    assert reranker.name
    assert 0 < reranker.share <= 1


async def test_it_may_be_closed_twice(reranker: Reranker) -> None:
    await reranker.close()
    await reranker.close()


async def test_a_closed_remote_reranker_says_that_it_is_unavailable() -> None:
    with rerank_server() as server:
        remote = HttpReranker.open(RerankServer(MODEL, server.base_url))
        await remote.close()
        with pytest.raises(UnavailableError, match="closed"):
            await remote.scores(QUESTION, TEXTS)
