"""A database that can be worked with: it answers, and it keeps what it has committed."""

import asyncio

from citewell.domain.errors import StartError, UnavailableError
from citewell.storage.database import Database, refusal
from citewell.telemetry.logs import logger

WAIT_SECONDS = 0.5

log = logger(__name__)


async def wait_for(database: Database) -> None:
    """Return when the server answers; raises `StartError` when it never will."""
    said = False
    while True:
        try:
            await database.ping()
        except UnavailableError as error:
            if refused := refusal(error):
                raise StartError(
                    f"The database refuses the connection: {refused}.",
                    hint="Correct the user, the password and the name in DATABASE_URL.",
                ) from error
            if not said:
                log.warning("database.waiting", why=error.message)
                said = True
            await asyncio.sleep(WAIT_SECONDS)
        else:
            return


async def assert_durable(database: Database) -> None:
    """Raises `StartError` when the server may lose what it has committed."""
    off = [name for name, value in (await database.durability()).items() if value == "off"]
    if off:
        raise StartError(
            f"The database has {', '.join(sorted(off))} off: a commit could be lost.",
            hint="Turn it on in postgresql.conf and restart the database.",
        )
