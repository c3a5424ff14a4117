"""Bring the schema to this release's version, one process at a time."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from citewell.domain.errors import StartError
from citewell.storage.database import is_unreachable, parse_url

FOLDER = Path(__file__).parent / "migrations"
ADVISORY_LOCK = 0x63697465  # any constant: processes that start together must share it
LOCK_SECONDS = 120


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's settings; nothing is read from a file."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def upgrade(url: str) -> str:
    """Apply what is missing and return the version reached; safe to call from many processes.

    A migration commits whole or not at all. Raises `StartError` for a database that this release
    cannot use, and the driver's error when it cannot be reached.
    """
    engine = create_engine(parse_url(url), poolclass=NullPool, connect_args={"connect_timeout": 5})
    try:
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": ADVISORY_LOCK})
            _refuse_newer(connection)
            command.upgrade(configuration(connection), "head")
            return current(connection) or ""
    except DBAPIError as error:
        if is_unreachable(error):
            raise
        raise StartError(
            f"The database schema could not be prepared: {str(error.orig).strip().splitlines()[0]}",
            hint="The role in DATABASE_URL needs the right to create tables and roles"
            " (CREATEROLE), or ask an administrator to run `citewell db upgrade` once.",
        ) from error
    finally:
        engine.dispose()


def current(connection: Connection) -> str | None:
    """The schema's version, None for an empty database."""
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The version that this release needs."""
    return ScriptDirectory.from_config(configuration()).get_current_head() or ""


def versions(url: str) -> tuple[str | None, str]:
    """The schema's version and the one that this release needs."""
    engine = create_engine(parse_url(url), poolclass=NullPool, connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            return current(connection), head()
    finally:
        engine.dispose()


def _refuse_newer(connection: Connection) -> None:
    found = current(connection)
    known = {s.revision for s in ScriptDirectory.from_config(configuration()).walk_revisions()}
    if found is not None and found not in known:
        raise StartError(
            f"The database was made by a newer Citewell (schema {found}).",
            hint="Install that release or newer, or point DATABASE_URL at another database.",
        )
