"""A call of a model is paid by the tenant, and written down for whom it was."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from langchain_core.messages import HumanMessage

from citewell.accounts.budgets import Budgets
from citewell.domain.allowances import Payer, Period
from citewell.domain.errors import BudgetExceededError, UnavailableError
from citewell.domain.ids import CollectionId, KeyId, TenantId, UserId, new_id
from citewell.domain.principal import Principal, Role, Scope
from citewell.inference.chat.attempts import Link
from citewell.inference.chat.chain import ModelChain
from citewell.inference.chat.opening import Terms, open_model
from citewell.inference.chat.paid import PaidChat
from citewell.inference.chat.speech import Said, Speech
from citewell.storage.database import Database
from tests.contract.chat_server import ChatServer, fail, say

ASKED = [HumanMessage("Why?")]
PRICE = (Decimal(1000), Decimal(10_000))


@pytest.fixture
def owner(tenant: TenantId) -> Principal:
    return Principal(tenant, UserId(new_id()), Role.OWNER, frozenset(Scope), key_id=KeyId(new_id()))


@pytest.fixture
async def chat(server: ChatServer, database: Database) -> AsyncIterator[PaidChat]:
    terms = Terms(server.base_url, price=PRICE)
    models = [await open_model(f"openai:{name}", terms) for name in ("first", "second")]
    chain = ModelChain(tuple(map(Link, models)))
    yield PaidChat(chain, Budgets(database).paying)
    await chain.close()


async def speak(chat: PaidChat, payer: Payer, *, most_tokens: int = 50) -> list[Speech]:
    async with aclosing(chat.speak(payer, "answer", ASKED, most_tokens=most_tokens)) as speech:
        return [piece async for piece in speech]


def rows(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT user_id, key_id, collection_id, step, model, tokens_in, tokens_out, cost"
            " FROM usage ORDER BY id"
        ).fetchall()


async def spent(database: Database, owner: Principal) -> tuple[int, Decimal]:
    _, budgets = await Budgets(database).usage(owner)
    return budgets[0].spent.tokens, budgets[0].spent.money


async def test_who_asked_of_what_and_by_which_key_is_written_down(
    chat: PaidChat, server: ChatServer, database: Database, owner: Principal, postgres_url: str
) -> None:
    collection = CollectionId(new_id())
    server.script.append(say("So.", tokens=(30, 4)))
    await speak(chat, Payer.of(owner, collections=[collection]))
    assert rows(postgres_url) == [
        (owner.user_id, owner.key_id, collection, "answer", "openai:first", 30, 4, 0.07)
    ]
    assert await spent(database, owner) == (34, Decimal("0.07"))


async def test_the_model_that_answered_is_the_one_written_down(
    chat: PaidChat, server: ChatServer, owner: Principal, postgres_url: str
) -> None:
    server.script += [fail(404), say("So.", tokens=(30, 4))]
    await speak(chat, Payer.of(owner, collections=[CollectionId(new_id())] * 2))
    assert rows(postgres_url) == [
        (owner.user_id, owner.key_id, None, "answer", "openai:second", 30, 4, 0.07)
    ]


async def test_what_is_over_the_budget_is_not_asked(
    chat: PaidChat, server: ChatServer, database: Database, owner: Principal
) -> None:
    await Budgets(database).set(owner, {Period.DAY: (100, None)})
    server.script += [say("So.", tokens=(30, 4)), say("No.", tokens=(30, 4))]
    await speak(chat, Payer.of(owner))
    await speak(chat, Payer.of(owner), most_tokens=20)
    with pytest.raises(BudgetExceededError, match="tokens"):
        await speak(chat, Payer.of(owner))
    await Budgets(database).set(owner, {Period.DAY: (None, Decimal("0.5"))})
    with pytest.raises(BudgetExceededError, match="money"):
        await speak(chat, Payer.of(owner))
    assert len(server.requests) == 2


async def test_an_answer_that_nobody_hears_to_its_end_is_paid_as_far_as_it_was_said(
    chat: PaidChat, server: ChatServer, database: Database, owner: Principal
) -> None:
    server.script.append(say("So it goes.", stall_after=2))
    async with aclosing(chat.speak(Payer.of(owner), "answer", ASKED)) as speech:
        assert await anext(speech) == Said("So ")
    tokens, money = await spent(database, owner)
    assert 5 < tokens < 30
    assert Decimal(0) < money < Decimal("0.3")


async def test_a_model_that_says_nothing_costs_nothing(
    chat: PaidChat, server: ChatServer, database: Database, owner: Principal
) -> None:
    server.script += [fail(503)] * 9
    with pytest.raises(UnavailableError):
        await speak(chat, Payer.of(owner))
    assert await spent(database, owner) == (0, Decimal(0))
