"""The driver below SQLAlchemy, which can be sent several statements before it answers the first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import cast

import psycopg
from sqlalchemy import Dialect, TextClause
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection


@asynccontextmanager
async def driving(connection: AsyncConnection) -> AsyncIterator[psycopg.AsyncConnection]:
    """The driver's connection, to send it several things at once.

    Its errors become SQLAlchemy's, and nobody goes on with a connection that had one.
    """
    raw = await connection.get_raw_connection()
    driver = cast("psycopg.AsyncConnection", raw.driver_connection)  # SQLAlchemy types it as Any.
    try:
        yield driver
    except BaseException as error:
        # Whatever it was in the middle of.
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


@lru_cache(maxsize=64)
def for_driver(statement: TextClause, dialect: Dialect) -> bytes:
    """A statement as the driver wants it."""
    return str(statement.compile(dialect=dialect)).encode()
