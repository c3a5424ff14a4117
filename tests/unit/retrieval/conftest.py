"""A library on a real database, and what searches it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from citewell.domain.ids import TenantId
from citewell.index.index import IndexSettings
from citewell.inference.builtin_embedder import BuiltinEmbedder
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
def neighbours(database: Database, embedder: BuiltinEmbedder, other_tenant: TenantId) -> Library:
    """The library of another tenant."""
    return Library(database, embedder, other_tenant)


@pytest.fixture
async def projections(database: Database, tmp_path: Path) -> AsyncIterator[Projections]:
    notifications = Notifications(database.url)
    made = Projections(database, notifications, tmp_path / "index", IndexSettings(), MEMORY)
    yield made
    await made.close()


@pytest.fixture
def retrieval(database: Database, embedder: BuiltinEmbedder, projections: Projections) -> Retrieval:
    return Retrieval(database, embedder, projections)
