"""A tenant spends on models what its budgets allow, whoever asks at the same time."""

import asyncio
from collections import Counter
from decimal import Decimal

import pytest
from sqlalchemy import text

from citewell.accounts.budgets import Budgets
from citewell.domain.allowances import Amount, Budget, ModelCall, Period
from citewell.domain.errors import BudgetExceededError, DeniedError, UpstreamError
from citewell.domain.ids import TenantId, UserId, new_id
from citewell.domain.principal import Principal, Role, Scope
from citewell.inference.embedding import PassageText
from citewell.inference.openai_embedder import OpenAIEmbedder, OpenAIServer
from citewell.inference.paying import PASSAGES, QUESTIONS, PaidModel, paid_by
from citewell.storage.database import Database
from tests.contract.openai_server import DIMENSION, Answer, answer, model_server, vector

NO_MONEY = Decimal(0)


@pytest.fixture
def owner(tenant: TenantId) -> Principal:
    return Principal(tenant, UserId(new_id()), Role.OWNER, frozenset(Scope))


@pytest.fixture
def budgets(database: Database) -> Budgets:
    return Budgets(database)


def call(tokens: int, money: Decimal = NO_MONEY) -> ModelCall:
    return ModelCall("test", "model", Amount(tokens, money))


async def spend(budgets: Budgets, tenant: TenantId, most: int, spent: int) -> None:
    async with budgets.paying(tenant, call(most)) as bill:
        bill.tokens_in = spent


async def day(budgets: Budgets, owner: Principal) -> Budget:
    return {one.period: one for one in (await budgets.usage(owner))[1]}[Period.DAY]


async def test_what_was_reserved_and_not_spent_comes_back(
    budgets: Budgets, owner: Principal
) -> None:
    await budgets.set(owner, {Period.DAY: (100, None)})
    async with budgets.paying(owner.tenant_id, call(60)) as bill:
        assert (await day(budgets, owner)).spent.tokens == 60
        bill.tokens_in = 10
    assert (await day(budgets, owner)).spent.tokens == 10
    with pytest.raises(BudgetExceededError, match=r"tokens for this day .* 10 of 100") as refused:
        await spend(budgets, owner.tenant_id, 91, 1)
    assert 0 < refused.value.retry_after <= 86_400
    await spend(budgets, owner.tenant_id, 90, 90)


async def test_twenty_calls_at_once_do_not_exceed_a_budget(
    budgets: Budgets, owner: Principal
) -> None:
    await budgets.set(owner, {Period.MONTH: (70, None)})
    done = await asyncio.gather(
        *(spend(budgets, owner.tenant_id, 10, 10) for _ in range(20)), return_exceptions=True
    )
    assert Counter(type(one) for one in done) == {type(None): 7, BudgetExceededError: 13}


async def test_money_is_counted_exactly(budgets: Budgets, owner: Principal) -> None:
    await budgets.set(owner, {Period.DAY: (None, Decimal("0.3"))})
    for _ in range(3):
        async with budgets.paying(owner.tenant_id, call(1, Decimal("0.1"))) as bill:
            bill.money = Decimal("0.1")
    with pytest.raises(BudgetExceededError, match="money"):
        async with budgets.paying(owner.tenant_id, call(1, Decimal("0.000001"))):
            pytest.fail("It was let through.")


async def test_a_call_that_fails_costs_what_was_spent_until_then(
    budgets: Budgets, owner: Principal
) -> None:
    async def fails() -> None:
        async with budgets.paying(owner.tenant_id, call(50)) as bill:
            bill.tokens_in = 20
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await fails()
    assert (await day(budgets, owner)).spent.tokens == 20


async def test_a_budget_is_the_administrators_and_the_tenants_own(
    budgets: Budgets, owner: Principal, other_tenant: TenantId
) -> None:
    editor = Principal(owner.tenant_id, owner.user_id, Role.EDITOR, frozenset(Scope))
    with pytest.raises(DeniedError):
        await budgets.set(editor, {Period.DAY: (1, None)})
    await budgets.set(owner, {Period.DAY: (1, None)})
    await spend(budgets, other_tenant, 1_000, 1_000)
    assert (await day(budgets, owner)).spent.tokens == 0


async def test_an_embedding_is_billed_as_the_provider_counts_it(
    budgets: Budgets, owner: Principal
) -> None:
    with model_server() as server:
        embedder = await OpenAIEmbedder.open(OpenAIServer("m", server.base_url, None, DIMENSION))
        model = PaidModel(embedder, budgets.paying, Decimal(20))
        paid = paid_by(owner.tenant_id, model, PASSAGES)
        body = answer([vector("Oil.")])[:-1] + b', "usage": {"prompt_tokens": 7}}'
        server.script.append(Answer(body=body))
        await paid.embed_passages([PassageText("Oil.")])
        spent = (await day(budgets, owner)).spent
        assert spent == Amount(7, Decimal("0.00014"))
        server.script.append(Answer(400, b"{}"))
        with pytest.raises(UpstreamError):
            await paid.embed_passages([PassageText("Oil.")])
        assert (await day(budgets, owner)).spent == spent
        await budgets.set(owner, {Period.DAY: (7, None)})
        asked = len(server.requests)
        with pytest.raises(BudgetExceededError):
            await paid.embed_passages([PassageText("Oil.")])
        assert len(server.requests) == asked, "nothing is sent that cannot be paid"
        await embedder.close()


async def test_questions_are_billed_as_documents_are(
    budgets: Budgets, owner: Principal, database: Database
) -> None:
    with model_server() as server:
        embedder = await OpenAIEmbedder.open(OpenAIServer("m", server.base_url, None, DIMENSION))
        paid = paid_by(owner.tenant_id, PaidModel(embedder, budgets.paying, Decimal(20)), QUESTIONS)
        question = "Where is oil, and where is gas?"
        body = answer([vector(question)])[:-1] + b', "usage": {"prompt_tokens": 9}}'
        server.script.append(Answer(body=body))
        assert (await paid.embed_query(question)).shape == (DIMENSION,)
        assert (await day(budgets, owner)).spent.tokens == 9
        # A server that does not count: the estimate, of the whole and of each clause.
        rows = await paid.embed_clauses(question, [(0, 12), (14, 31)])
        assert rows.shape == (3, DIMENSION)
        estimate = sum(map(embedder.count_tokens, (question, question[:12], question[14:])))
        assert (await day(budgets, owner)).spent.tokens == 9 + estimate
        async with database.transaction(owner) as tx:
            used = await tx.budgets.connection.execute(text("SELECT step, model FROM usage"))
            assert {(one.step, one.model) for one in used} == {("embed_question", "m")}
        await budgets.set(owner, {Period.DAY: (9, None)})
        asked = len(server.requests)
        for refused in (paid.embed_query(question), paid.embed_clauses(question, [])):
            with pytest.raises(BudgetExceededError):
                await refused
        assert len(server.requests) == asked
        assert await paid.token_states([question]) is None
        await paid.close()
        await embedder.embed_query("whoever opened it closes it")
        await embedder.close()
