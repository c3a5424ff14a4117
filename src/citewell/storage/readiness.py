"""A database that can be worked with: it answers, keeps commits, and keeps tenants apart."""

import asyncio
from collections.abc import Callable

from sqlalchemy import text

from citewell.domain.errors import StartError, UnavailableError
from citewell.storage.database import Database, refusal
from citewell.telemetry.logs import logger

WAIT_SECONDS = 0.5
WATCH_SECONDS = 1.0
# What no role is bound by that owns a table, is a superuser, or may become one of those.
_LOOSE = text(
    """
    WITH ours AS (
        SELECT * FROM pg_roles
        WHERE rolname IN ('citewell_app', 'citewell_system', 'citewell_reader')
    )
    SELECT ours.rolname || CASE
        WHEN ours.rolsuper THEN ' is a superuser'
        WHEN ours.rolbypassrls THEN ' bypasses row-level security'
        WHEN ours.rolcreaterole THEN ' may make roles and give itself any of them'
        ELSE ' may become ' || (
            SELECT min(other.rolname) FROM pg_roles AS other
            WHERE other.oid != ours.oid AND pg_has_role(ours.oid, other.oid, 'MEMBER')
            AND (other.rolsuper OR other.rolbypassrls OR other.rolcreaterole)
        ) END AS said
    FROM ours
    UNION ALL
    SELECT ours.rolname || ' owns the table ' || min(owned.relname)
    FROM ours JOIN pg_class AS owned ON pg_has_role(ours.oid, owned.relowner, 'MEMBER')
    WHERE owned.relkind IN ('r', 'p')
    AND owned.relnamespace = current_schema()::regnamespace
    GROUP BY ours.rolname
    UNION ALL
    SELECT 'the table ' || relname || ' shows every tenant''s rows'
    FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
    AND NOT relrowsecurity AND has_table_privilege('citewell_app', oid, 'SELECT')
    UNION ALL
    SELECT 'citewell_reader may touch the table ' || relname
    FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
    AND has_table_privilege('citewell_reader', oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
    ORDER BY said
    """
)

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


async def assert_sound(database: Database) -> None:
    """Raises `StartError` for a database that may lose or mix up what it is given."""
    await assert_durable(database)
    await assert_confined(database)


async def assert_durable(database: Database) -> None:
    """Raises `StartError` when the server may lose what it has committed."""
    off = [name for name, value in (await database.durability()).items() if value == "off"]
    if off:
        raise StartError(
            f"The database has {', '.join(sorted(off))} off: a commit could be lost.",
            hint="Turn it on in postgresql.conf and restart the database.",
        )


async def assert_confined(database: Database) -> None:
    """Raises `StartError` when a role that we work as is not bound by row-level security."""
    async with database.installation() as whole:
        found = await whole.connection.execute(_LOOSE)
        loose = [said for said in found.scalars() if said is not None]
    if loose:
        raise StartError(
            f"The database would not keep tenants apart: {'; '.join(loose)}.",
            hint="Make the roles NOSUPERUSER NOBYPASSRLS NOCREATEROLE, members of no such role and"
            " owners of nothing, and ENABLE ROW LEVEL SECURITY on the tables.",
        )


async def watch(ensure_running: Callable[[], bool]) -> None:
    """Start the private database again whenever it has died."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        try:
            if await asyncio.to_thread(ensure_running):
                log.warning("database.restarted")
        except StartError as error:
            # A disk that is full is emptied by somebody some time; until then reads say so.
            log.warning("database.not_restarted", why=error.message)
