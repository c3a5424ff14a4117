"""Bring the schema to this release's version, one process at a time."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from citewell.domain.errors import StartError, UnavailableError
from citewell.storage.database import is_lost, is_unreachable, parse_url

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
    cannot use, and `UnavailableError` when it cannot be reached or was lost on the way.
    """
    engine = create_engine(parse_url(url), poolclass=NullPool, connect_args={"connect_timeout": 5})
    try:
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": ADVISORY_LOCK})
            _refuse_newer(connection)
            command.upgrade(configuration(connection), "head")
            return current(connection) or ""
    # The migration speaks to the driver itself, whose errors nobody has wrapped.
    except (DBAPIError, psycopg.Error) as error:
        raise _explained(error) from error
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


def _explained(error: DBAPIError | psycopg.Error) -> StartError | UnavailableError:
    if isinstance(error, DBAPIError):
        lost = is_unreachable(error)
    else:
        lost = isinstance(error, psycopg.OperationalError) and is_lost(error)
    if lost:
        return UnavailableError(
            "The database cannot be reached.", hint="It may be starting; try again."
        )
    said = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()
    return StartError(
        f"The database schema could not be prepared: {said[0] if said else 'no reason given'}",
        hint="The role in DATABASE_URL needs the right to create tables and roles (CREATEROLE); or"
        " let an administrator run `citewell db upgrade` once, and `GRANT citewell_app,"
        " citewell_system, citewell_reader TO` that role.",
    )


def _refuse_newer(connection: Connection) -> None:
    found = current(connection)
    known = {s.revision for s in ScriptDirectory.from_config(configuration()).walk_revisions()}
    if found is not None and found not in known:
        raise StartError(
            f"The database was made by a newer Citewell (schema {found}).",
            hint="Install that release or newer, or point DATABASE_URL at another database.",
        )
