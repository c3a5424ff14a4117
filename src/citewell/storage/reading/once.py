"""A single read of a tenant's rows, in one round trip instead of four."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import psycopg
from sqlalchemy import Dialect, TextClause
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from citewell.domain.ids import TenantId
from citewell.domain.principal import Principal
from citewell.storage.entering import ENTER_TO_READ_BY_KEYS, entered_as

Row = tuple[Any, ...]


async def read_once(
    connection: AsyncConnection,
    who: Principal | TenantId,
    statement: TextClause,
    values: Mapping[str, Any],
) -> list[Row]:
    """The rows of one statement, in a transaction that is begun, entered and ended with it.

    All of it is sent before the first answer is waited for. The statement is prepared and planned
    once for a connection: it must name what it reads by keys. The connection must be in no
    transaction, and is in none afterwards.
    """
    raw = await connection.get_raw_connection()
    driver = cast("psycopg.AsyncConnection", raw.driver_connection)  # SQLAlchemy types it as Any.
    enter, read = (
        _for_driver(one, connection.dialect) for one in (ENTER_TO_READ_BY_KEYS, statement)
    )
    try:
        # Else the driver begins by itself, and waits for that.
        await driver.set_autocommit(True)
        async with driver.pipeline():
            await driver.execute("BEGIN READ ONLY")
            await driver.execute(enter, entered_as(who))
            cursor = await driver.execute(read, values, prepare=True)
            await driver.execute("COMMIT")
        rows = await cursor.fetchall()
        await driver.set_autocommit(False)
    except BaseException as error:
        # Whatever it was in the middle of, nobody goes on with it.
        await connection.invalidate()
        if not isinstance(error, psycopg.Error):
            raise
        lost = driver.broken
        if lost:
            # Those that wait in the pool were lost with it.
            await connection.engine.dispose()
        raise DBAPIError.instance(
            None, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=lost
        ) from error
    return rows


@lru_cache(maxsize=64)
def _for_driver(statement: TextClause, dialect: Dialect) -> bytes:
    return str(statement.compile(dialect=dialect)).encode()
