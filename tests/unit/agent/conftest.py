"""An agent over a library on a real database, with the bundled embedder."""

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from citewell.accounts.budgets import Budgets
from citewell.agent.service import Agent
from citewell.domain.ids import TenantId
from citewell.index.index import IndexSettings
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.chat.attempts import Link
from citewell.inference.chat.chain import ModelChain
from citewell.inference.chat.opening import Terms, open_model
from citewell.inference.chat.paid import PaidChat
from citewell.inference.retries import Patience
from citewell.retrieval.citations import Citations
from citewell.retrieval.projections import Projections
from citewell.retrieval.service import Retrieval
from citewell.storage.database import Database
from citewell.storage.notifications import Notifications
from tests.contract.chat_server import ChatServer, chat_server
from tests.unit.retrieval.library import Library

MEMORY = 1 << 30


@pytest.fixture(scope="session")
def embedder() -> BuiltinEmbedder:
    """The bundled embedder, loaded once."""
    return BuiltinEmbedder(1)


@pytest.fixture
def library(database: Database, embedder: BuiltinEmbedder, tenant: TenantId) -> Library:
    return Library(database, embedder, tenant)


@pytest.fixture
async def retrieval(
    database: Database, embedder: BuiltinEmbedder, tmp_path: Path
) -> AsyncIterator[Retrieval]:
    folder, notifications = tmp_path / "index", Notifications(database.url)
    projections = Projections(database, notifications, folder, IndexSettings(), MEMORY)
    yield Retrieval(database, embedder, projections)
    await projections.close()


@pytest.fixture
def agent(retrieval: Retrieval, embedder: BuiltinEmbedder, database: Database) -> Agent:
    return Agent(retrieval, embedder, Citations(database))


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


@pytest.fixture
async def writer(server: ChatServer, database: Database) -> AsyncIterator[PaidChat]:
    """The scripted model, at a price that is easily reckoned with."""
    price = (Decimal(1), Decimal(1))
    model = await open_model("openai:scripted", Terms(server.base_url, price=price))
    chain = ModelChain((Link(model),), Patience(2.0, 0.01, 0.01))
    yield PaidChat(chain, Budgets(database).paying)
    await chain.close()
