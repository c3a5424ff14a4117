"""The installation's database and secrets, opened for a command that needs no server."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from citewell.domain.errors import StartError

if TYPE_CHECKING:
    from citewell.config import Settings
    from citewell.storage.database import Database

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Opened:
    """What such a command works on."""

    database: "Database"
    settings: "Settings"
    home: Path


def in_database(work: Callable[[Opened], Awaitable[Found]]) -> Found:
    """What `work` finds; a private database runs for as long as that takes.

    Raises `StartError` for a database that has not the schema of this release.
    """
    import asyncio

    from citewell.bootstrap import database_url
    from citewell.config import read_settings
    from citewell.storage.database import Database
    from citewell.storage.home import prepare_home

    settings = read_settings()
    home = prepare_home(settings.home)
    url, embedded = database_url(settings, home)

    async def run() -> Found:
        database = Database.connect(url)
        try:
            await _check_schema(database)
            return await work(Opened(database, settings, home))
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    finally:
        if embedded is not None:
            embedded.stop()


async def _check_schema(database: "Database") -> None:
    from citewell.storage import schema

    if await database.schema_version() != schema.newest():
        raise StartError(
            "The database does not have the tables of this release.",
            hint="Run `citewell db upgrade`, or start the server once.",
        )
