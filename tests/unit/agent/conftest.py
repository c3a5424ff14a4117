"""An agent over a library on a real database, with the bundled embedder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from citewell.agent.service import Agent
from citewell.domain.ids import TenantId
from citewell.index.index import IndexSettings
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.retrieval.citations import Citations
from citewell.retrieval.projections import Projections
from citewell.retrieval.service import Retrieval
from citewell.storage.database import Database
from citewell.storage.notifications import Notifications
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
