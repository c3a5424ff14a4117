"""Getting rid of bytes: what was deleted lies in the files until they are written anew."""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from citewell.domain.errors import UnavailableError
from citewell.storage.database import Database

LOCK_SECONDS = 5
LOCKED = "55P03"
FORBIDDEN = "42501"

# An ordinary VACUUM only marks the space as free. The planner keeps samples of the columns, too.
_REWRITE = "VACUUM (FULL, ANALYZE) {}"
_SERVERS_OWN = ("VACUUM FULL pg_statistic", "SELECT pg_switch_wal()", "CHECKPOINT", "CHECKPOINT")


async def scrub(database: Database, tables: Iterable[str]) -> bool:
    """Write the tables anew without what was deleted from them, and turn the write-ahead log over.

    Whoever uses a table meanwhile waits. Returns False when the server does not let us turn its
    log: then it keeps the last of it until it recycles it by itself. Raises `UnavailableError` when
    a table was in use for `LOCK_SECONDS`.
    """
    engine = create_async_engine(
        database.url, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True
    )
    try:
        async with engine.connect() as connection:
            await connection.execute(text(f"SET lock_timeout = '{LOCK_SECONDS}s'"))
            for table in tables:
                await _rewrite(connection, table)
            return await _turn_log(connection)
    finally:
        await engine.dispose()


async def _rewrite(connection: AsyncConnection, table: str) -> None:
    try:
        await connection.execute(text(_REWRITE.format(table)))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == LOCKED:
            raise UnavailableError(f"The table {table} is in use.") from error
        raise


async def _turn_log(connection: AsyncConnection) -> bool:
    try:
        for statement in _SERVERS_OWN:
            await connection.execute(text(statement))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in {FORBIDDEN, LOCKED}:
            return False
        raise
    return True
