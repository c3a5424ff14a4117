"""Reranking: a new order of the best passages, in its time and for the tenant's money."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.accounts.budgets import Budgets
from citewell.domain.allowances import Amount, Period
from citewell.domain.ids import CollectionId, UserId, new_id
from citewell.domain.passages import SearchQuery, SearchResult
from citewell.domain.principal import Principal, Role, Scope
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.reranking.http_reranker import HttpReranker, RerankServer
from citewell.inference.reranking.late_interaction import LateInteraction
from citewell.inference.retries import Patience
from citewell.retrieval.reranking import FREE, Price, Reranking, blend
from citewell.retrieval.service import Retrieval
from tests.contract import rerank_server as wire
from tests.contract.openai_server import HANG, Answer, ModelServer
from tests.contract.rerank_server import MODEL, rerank_server
from tests.unit.retrieval.library import Library

TEXTS = {
    "Bread": "Bread is baked in a hot oven from flour, water, yeast and salt.",
    "Cake": "Cake is baked in an oven from flour, eggs, sugar and butter.",
    "Buns": "Buns are baked from the dough of bread, in smaller pieces.",
}
SECONDS = 10.0
BY_SEARCH = Price.of(2.0, 0)
BY_TOKEN = Price.of(0, 100)


@dataclass(frozen=True, slots=True)
class Told:
    """A reranker whose scores are given."""

    given: Sequence[float]
    share: float = 1.0
    name: str = "told"

    async def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        return list(self.given[: len(texts)])

    async def close(self) -> None:
        return None


@pytest.fixture
async def collection(library: Library) -> CollectionId:
    books = [await library.add(title, text) for title, text in TEXTS.items()]
    return books[0].collection_id


@pytest.fixture
def owner(library: Library) -> Principal:
    return Principal(library.tenant, UserId(new_id()), Role.OWNER, frozenset(Scope))


@dataclass(frozen=True, slots=True)
class Setting:
    """A search whose reranker is a server on loopback."""

    server: ModelServer
    retrieval: Retrieval
    query: SearchQuery

    async def found(self, principal: Principal, *, rerank: bool = True) -> SearchResult:
        query = SearchQuery(self.query.text, self.query.collections, rerank=rerank)
        return await self.retrieval.search(principal, query)


@contextmanager
def reranked(
    retrieval: Retrieval,
    collection: CollectionId,
    seconds: float = SECONDS,
    price: Price = FREE,
) -> Iterator[Setting]:
    with rerank_server() as server:
        patience = Patience(total=SECONDS, first=0.01, most=0.02)
        remote = HttpReranker.open(RerankServer(MODEL, server.base_url, patience=patience))
        paying = Budgets(retrieval.database).paying
        made = Retrieval(
            retrieval.database,
            retrieval.embedder,
            retrieval.projections,
            Reranking(remote, seconds, price, paying),
        )
        yield Setting(server, made, SearchQuery("How is cake baked?", (collection,)))


def titles(result: SearchResult) -> list[str]:
    return [passage.title for passage in result.passages]


async def test_the_order_of_a_trained_reranker_replaces_the_one_that_passages_came_in(
    retrieval: Retrieval, library: Library, collection: CollectionId
) -> None:
    with reranked(retrieval, collection) as one:
        plain = await one.found(library.reader, rerank=False)
        assert len(titles(plain)) == 3
        assert one.server.requests == []
        # The server's answer is the order turned round.
        one.server.script.append(Answer(body=wire.cohere([0.1, 0.2, 0.3])))
        found = await one.found(library.reader)
        await one.retrieval.close()
    assert titles(found) == titles(plain)[::-1]
    assert [passage.scores.late for passage in found.passages] == [0.3, 0.2, 0.1]
    scores = [passage.scores.final for passage in found.passages]
    assert scores == sorted(scores, reverse=True)
    assert found.degraded == ()
    assert "rerank" in found.milliseconds
    asked = one.server.requests[0]
    assert asked["query"] == "How is cake baked?"
    texts = [passage.text for passage in plain.passages]
    assert all(sent.endswith(text) for sent, text in zip(asked["documents"], texts, strict=True))


BROKEN = {
    "wrong count": Answer(body=wire.cohere([0.5])),
    "not a number": Answer(body=wire.cohere([float("nan"), 0.5, 0.5])),
    "refused": Answer(401, b'{"message": "no such key"}'),
    "nonsense": Answer(body=b"<html>"),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=list(BROKEN))
async def test_a_reranker_that_fails_leaves_the_order_and_that_is_said(
    retrieval: Retrieval, library: Library, collection: CollectionId, answer: Answer
) -> None:
    with reranked(retrieval, collection) as one:
        plain = await one.found(library.reader, rerank=False)
        one.server.script.append(answer)
        found = await one.found(library.reader)
        await one.retrieval.close()
    assert found.passages == plain.passages
    assert found.degraded == ("rerank_unavailable",)


async def test_a_reranker_that_is_too_slow_leaves_the_order_and_that_is_said(
    retrieval: Retrieval, library: Library, collection: CollectionId
) -> None:
    with reranked(retrieval, collection, seconds=0.2) as one:
        plain = await one.found(library.reader, rerank=False)
        one.server.script.append(HANG)
        async with asyncio.timeout(5):
            found = await one.found(library.reader)
        await one.retrieval.close()
    assert found.passages == plain.passages
    assert found.degraded == ("time_budget",)


async def test_a_reranker_with_a_price_is_paid_by_the_tenant_until_the_budget_is_used_up(
    retrieval: Retrieval, library: Library, collection: CollectionId, owner: Principal
) -> None:
    budgets = Budgets(retrieval.database)
    await budgets.set(owner, {Period.DAY: (None, Decimal("0.004"))})
    with reranked(retrieval, collection, price=BY_SEARCH) as one:
        for _ in range(2):
            assert (await one.found(library.reader)).degraded == ()
        plain = await one.found(library.reader, rerank=False)
        found = await one.found(library.reader)
        await one.retrieval.close()
    assert found.degraded == ("budget_exceeded",)
    assert found.passages == plain.passages
    assert len(one.server.requests) == 2
    assert (await _spent(budgets, owner)).money == Decimal("0.004")


async def test_billed_are_the_tokens_that_the_provider_counts_and_nothing_for_a_failure(
    retrieval: Retrieval, library: Library, collection: CollectionId, owner: Principal
) -> None:
    budgets = Budgets(retrieval.database)
    with reranked(retrieval, collection, price=BY_TOKEN) as one:
        one.server.script += [Answer(401, b"{}"), Answer(body=wire.jina([0.1, 0.2, 0.3]))]
        await one.found(library.reader)
        assert (await _spent(budgets, owner)) == Amount()
        await one.found(library.reader)
        await one.retrieval.close()
    spent = await _spent(budgets, owner)
    assert spent.tokens == 815
    assert spent.money == Decimal("0.0815")


async def test_a_reranker_without_a_price_is_on_nobodys_bill(
    retrieval: Retrieval, library: Library, collection: CollectionId, owner: Principal
) -> None:
    budgets = Budgets(retrieval.database)
    await budgets.set(owner, {Period.DAY: (0, Decimal(0))})
    with reranked(retrieval, collection) as one:
        assert (await one.found(library.reader)).degraded == ()
        await one.retrieval.close()
    assert (await _spent(budgets, owner)) == Amount()


async def _spent(budgets: Budgets, owner: Principal) -> Amount:
    return {one.period: one for one in (await budgets.usage(owner))[1]}[Period.DAY].spent


async def test_when_the_time_of_the_builtin_reranker_is_up_that_is_said(
    retrieval: Retrieval, library: Library, collection: CollectionId
) -> None:
    hasty = Reranking(LateInteraction(library.embedder), seconds=0.0001)
    query = SearchQuery("How is bread baked?", (collection,))
    plain = await retrieval.search(library.reader, query)
    passages, missed = await hasty.order(library.tenant, "bread " * 500, list(plain.passages))
    assert (tuple(passages), missed) == (plain.passages, ("time_budget",))


async def test_what_a_reranker_holds_for_equal_stays_as_it_was(
    retrieval: Retrieval, library: Library, collection: CollectionId
) -> None:
    query = SearchQuery("How is bread baked?", (collection,))
    plain = list((await retrieval.search(library.reader, query)).passages)
    passages, missed = await Reranking(Told([0.5] * 3)).order(library.tenant, "x", plain)
    assert [one.title for one in passages] == [one.title for one in plain]
    assert missed == ()


SIDES = st.tuples(st.integers(1, 12), st.sampled_from([0.3, 1.0])).flatmap(
    lambda drawn: st.tuples(
        st.lists(st.floats(-1, 1), min_size=drawn[0], max_size=drawn[0]),
        st.lists(st.floats(-1, 1), min_size=drawn[0], max_size=drawn[0]),
        st.just(drawn[1]),
    )
)


@given(sides=SIDES)
def test_what_both_sides_prefer_stays_in_front(
    sides: tuple[list[float], list[float], float],
) -> None:
    fused, own, share = sides
    blended = blend(fused, own, share)
    assert all(-1e-9 <= one <= 1 + 1e-9 for one in blended)
    for at, mine in enumerate(zip(fused, own, strict=True)):
        for other, theirs in enumerate(zip(fused, own, strict=True)):
            if mine[0] >= theirs[0] and mine[1] >= theirs[1]:
                assert blended[at] >= blended[other] - 1e-9


def test_equal_scores_on_one_side_leave_the_order_to_the_other() -> None:
    by_words = blend([0.5, 0.5, 0.5], [0.1, 0.9, 0.4], 0.3)
    assert by_words[1] > by_words[2] > by_words[0]
    first = blend([0.9, 0.5], [0.3, 0.3], 0.3)
    assert first[0] > first[1]


def test_a_builtin_reranker_is_the_only_one_that_questions_do_without_at_first(
    retrieval: Retrieval, embedder: BuiltinEmbedder
) -> None:
    assert not retrieval.reranks_every_look
    chosen = Retrieval(retrieval.database, embedder, retrieval.projections, Reranking(Told([1.0])))
    assert chosen.reranks_every_look
