"""The real server as a process on a real database, and keys of every role to it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from citewell.storage.database import Database
from tests.api.conftest import Keys
from tests.conftest import PostgresServer
from tests.journeys.conftest import Server, end_all


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A data directory that is not there yet; nothing of it runs on after the test."""
    path = tmp_path / "home"
    yield path
    end_all(path)


@pytest.fixture
def surroundings() -> Mapping[str, str]:
    """What else stands in the server's environment; files of tests have their own."""
    return {}


@pytest.fixture
def server(
    home: Path, tmp_path: Path, postgres_url: str, surroundings: Mapping[str, str]
) -> Iterator[Server]:
    """A server that serves; its end holds it against its promise to log no error."""
    settings = {"DATABASE_URL": postgres_url, **surroundings}
    made = Server(home, tmp_path / "server.log", settings)
    made.start()
    yield made
    made.close()


@contextmanager
def serving(folder: Path, postgres: PostgresServer, **settings: str) -> Iterator[Server]:
    """As `server`, for all tests of a module, on a database of its own."""
    url, home = postgres.create(), folder / "home"
    made = Server(home, folder / "server.log", {"DATABASE_URL": url, **settings})
    try:
        made.start()
        yield made
        made.close()
    finally:
        end_all(home)
        postgres.drop(url)


@pytest.fixture
def keys(database: Database) -> Keys:
    return Keys(database)
