"""Who a transaction runs as: the tenant's role or the system's, neither of which owns anything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import cast

import psycopg
from sqlalchemy import Dialect, TextClause, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from citewell.domain.ids import TenantId
from citewell.domain.principal import Principal, Role

ENTER_SYSTEM = text("SELECT set_config('role', 'citewell_system', true)")
_ENTER = (
    "SELECT set_config('role', 'citewell_app', true), set_config('app.tenant_id', :tenant, true),"
    " set_config('app.user_id', :user, true), set_config('app.role', :role, true)"
)
ENTER_TENANT = text(_ENTER)
# What is read by its keys is found by an index, however many they are: one plan will do. Planned
# for each list of keys anew, it would read whole tables from some length on, and planning would
# take longer than reading.
ENTER_TO_READ_BY_KEYS = text(f"{_ENTER}, set_config('plan_cache_mode', 'force_generic_plan', true)")


async def enter_tenant(connection: AsyncConnection, who: Principal | TenantId) -> TenantId:
    """Be a caller, or the server at its own work in a tenant, until the transaction ends.

    Sent together with the transaction's beginning, in one round trip.
    """
    enter = for_driver(ENTER_TENANT, connection.dialect)
    async with driving(connection) as driver, driver.pipeline():
        await driver.execute(enter, entered_as(who), prepare=True)
    return who.tenant_id if isinstance(who, Principal) else who


def entered_as(who: Principal | TenantId) -> dict[str, str]:
    """The values of `ENTER_TENANT` and `ENTER_TO_READ_BY_KEYS`."""
    if isinstance(who, Principal):
        return {
            "tenant": str(who.tenant_id),
            "user": str(who.user_id),
            "role": str(int(who.role)),
        }
    return {"tenant": str(who), "user": "", "role": str(int(Role.OWNER))}


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
