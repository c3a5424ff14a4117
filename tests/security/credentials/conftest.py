"""The application in this process, as tests/api has it; and two servers on one database."""

from collections.abc import Iterator

import httpx
import pytest

from citewell.accounts.credentials import new_key
from citewell.bootstrap import App
from tests.api.conftest import anonymous, api, app, client, contract, embedder, settings
from tests.conftest import PostgresServer
from tests.journeys.conftest import Server, end_all

__all__ = ["anonymous", "api", "app", "client", "contract", "embedder", "settings"]


@pytest.fixture
async def door(app: App, anonymous: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client without a credential, of an application with keys to sign tokens with."""
    await app.accounts.ring.ensure()
    return anonymous


@pytest.fixture(scope="session")
def two(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    """Two processes that serve one database, each from a data directory of its own.

    For the whole session: files are tested in random order, and a start takes seconds.
    """
    url = postgres_server.take()
    shared = {
        "DATABASE_URL": url,
        "CITEWELL_ADMIN_KEY": new_key(),
        "CITEWELL_SECRET_KEY": new_key(),
        "CITEWELL_WORKERS": "0",
    }
    folders = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    servers = [Server(folder / "home", folder / "server.log", shared) for folder in folders]
    try:
        for server in servers:
            server.launch()
        for server in servers:
            server.wait_ready()
        yield servers[0], servers[1]
        for server in servers:
            server.close()
    finally:
        for server in servers:
            end_all(server.home)
    postgres_server.give_back(url)
