"""A single statement of a tenant's, in one round trip instead of four."""

from collections.abc import Mapping
from typing import Any, LiteralString

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from citewell.domain.ids import TenantId
from citewell.domain.principal import Principal
from citewell.storage.at_once.driving import driving, for_driver
from citewell.storage.at_once.entering import ENTER_TO_READ_BY_KEYS, entered_as

READ, WRITE = "BEGIN READ ONLY", "BEGIN"

Row = tuple[Any, ...]


async def once(
    connection: AsyncConnection,
    who: Principal | TenantId,
    statement: TextClause,
    values: Mapping[str, Any],
    begin: LiteralString,
) -> list[Row]:
    """The rows of one statement, in a transaction that is begun, entered and ended with it.

    All of it is sent before the first answer is waited for. The statement is prepared and planned
    once for a connection: it must name what it looks for by keys. The connection must be in no
    transaction, and is in none afterwards.
    """
    enter, read = (
        for_driver(one, connection.dialect) for one in (ENTER_TO_READ_BY_KEYS, statement)
    )
    async with driving(connection) as driver:
        # Else the driver begins by itself, and waits for that.
        await driver.set_autocommit(True)
        async with driver.pipeline():
            await driver.execute(begin)
            await driver.execute(enter, entered_as(who))
            cursor = await driver.execute(read, values, prepare=True)
            await driver.execute("COMMIT")
        rows = await cursor.fetchall()
        await driver.set_autocommit(False)
    return rows
