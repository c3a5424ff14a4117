"""Getting rid of bytes: what was deleted lies in the files until they are written anew."""

import asyncio
from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from citewell.domain.errors import UnavailableError
from citewell.storage.database import Database

LOCK_SECONDS = 5
# As long as a statement of ours may take.
OLDER_SECONDS = 60.0
LOOK_SECONDS = 0.1
LOCKED = "55P03"
FORBIDDEN = "42501"

# An ordinary VACUUM only marks the space as free. The planner keeps samples of the columns, too.
_REWRITE = "VACUUM (FULL, ANALYZE) {}"
# One at a time: whoever rewrites a table has to keep what the other one may still see. Who waited
# inside of a statement would see it too.
_ALONE = text("SELECT NOT pg_try_advisory_lock(hashtextextended('citewell scrub', 0))")
_MARK = "SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)"
_OLDER = text(
    "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    " AND datname = current_database() AND backend_xmin IS NOT NULL"
    " AND age(backend_xmin) > age(CAST(CAST(:mark % 4294967296 AS text) AS xid))"
)
# Of a table that has become empty the planner would keep its old samples.
_FORGET_SAMPLES = (
    "DELETE FROM pg_statistic USING pg_class c, pg_namespace n WHERE c.oid = starelid"
    " AND n.oid = c.relnamespace AND n.nspname = 'public' AND c.reltuples <= 0"
)
_SERVERS_OWN = (
    _FORGET_SAMPLES,
    "VACUUM FULL pg_statistic",
    "SELECT pg_switch_wal()",
    "CHECKPOINT",
    "CHECKPOINT",
)


async def scrub(database: Database, tables: Iterable[str]) -> bool:
    """Write the tables anew without what was deleted from them, and turn the write-ahead log over.

    Whoever uses a table meanwhile waits, and so does this for transactions that began before it:
    what they may still see would be kept. Returns False when the server does not let us turn its
    log: then it keeps the last of it until it recycles it by itself. Raises `UnavailableError` when
    a table was in use for `LOCK_SECONDS`, or an older transaction went on for `OLDER_SECONDS`.
    """
    engine = create_async_engine(
        database.url, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True
    )
    try:
        async with engine.connect() as connection:
            await connection.execute(text(f"SET lock_timeout = '{LOCK_SECONDS}s'"))
            await _outlast(connection)
            for table in tables:
                await _rewrite(connection, table)
            return await _turn_log(connection)
    finally:
        await engine.dispose()


async def _outlast(connection: AsyncConnection) -> None:
    """Return when nobody else rewrites, and no transaction sees what was deleted before now."""
    mark = (await connection.execute(text(_MARK))).scalar_one()
    try:
        async with asyncio.timeout(OLDER_SECONDS):
            for waits, values in ((_ALONE, {}), (_OLDER, {"mark": mark})):
                while (  # noqa: ASYNC110  # The server tells nobody when a snapshot ends.
                    await connection.execute(waits, values)
                ).scalar_one():
                    await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError as error:
        raise UnavailableError("Somebody else rewrites, or sees what was deleted.") from error


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
