"""The database: transactions inside one tenant, and the few that look across tenants."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, LiteralString

import psycopg
from sqlalchemy import URL, TextClause, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from citewell.domain.errors import (
    AppError,
    DeniedError,
    InvalidError,
    NotFoundError,
    StartError,
    UnavailableError,
)
from citewell.domain.ids import CollectionId, TenantId
from citewell.domain.principal import Principal
from citewell.storage.at_once.entering import ENTER_SYSTEM
from citewell.storage.at_once.live import LIVE, LiveChunk, live_chunks, live_values
from citewell.storage.at_once.once import READ, WRITE, Row, once
from citewell.storage.repositories.accounts.installation import Installation
from citewell.storage.repositories.accounts.quotas import QUOTA_EXCEEDED, quota_exceeded
from citewell.storage.repositories.system import SystemRepository
from citewell.storage.sealing.seal import Seal
from citewell.storage.transaction import Transaction, enter
from citewell.storage.vault import Vault

POOL_SIZE = 10
POOL_OVERFLOW = 10
POOL_SECONDS = 5.0
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 60
DISK_FULL = "53100"
NO_REFERENT = "23503"
NOT_PRIVILEGED = "42501"
# What refuses a reader of a collection; the server says the rest in its own language.
READERS_POLICY = "needs_share_for_writing"
# Serialization failure, deadlock: the server has undone one of two changes, which may be repeated.
CONTENDED = ("40001", "40P01")

_contended = partial(
    UnavailableError, "Two changes of the same thing met.", hint="Send it once more."
)
_MEANT: Mapping[str, Callable[[], AppError]] = {
    DISK_FULL: partial(
        UnavailableError,
        "The disk of the database is full.",
        hint="Free some space.",
        retry_after=10,
    ),
    NO_REFERENT: partial(NotFoundError, "What this belongs to was deleted meanwhile."),
    **dict.fromkeys(CONTENDED, _contended),
}


@dataclass(frozen=True, slots=True)
class Database:
    """A pool of connections.

    Every method raises `UnavailableError` when the server cannot be reached or is restarting, and
    `InvalidError` for a value that no column can hold; what was not committed then is not stored.
    """

    engine: AsyncEngine
    url: URL
    vault: Vault

    @classmethod
    def connect(cls, url: str, *, pool_size: int = POOL_SIZE) -> "Database":
        """Prepare the pool; nothing is opened yet. Raises `StartError` for a malformed URL."""
        parsed = parse_url(url)
        engine = create_async_engine(
            parsed,
            pool_size=pool_size,
            # An error that is logged would quote rows otherwise.
            hide_parameters=True,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_SECONDS,
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "options": f"-c jit=off -c statement_timeout={STATEMENT_SECONDS}s"
                " -c idle_in_transaction_session_timeout=60s",
            },
        )
        return cls(engine, parsed, Vault(partial(_begin, engine)))

    @asynccontextmanager
    async def transaction(self, who: Principal | TenantId) -> AsyncIterator[Transaction]:
        """One story of one tenant: commits at the end, rolls back on any error.

        A caller sees the collections that are theirs to see; the server's own work, which names
        only the tenant, sees all of them.
        """
        # Looked up before a connection is taken: whoever holds one must not wait for another.
        await self.seal(who)
        async with self._begin() as connection:
            yield await enter(connection, who, self.vault)

    async def read(
        self, who: Principal | TenantId, statement: TextClause, values: Mapping[str, Any]
    ) -> list[Row]:
        """The rows of one statement, of the tenant that `:tenant` names in it.

        As a transaction of its own that only reads, in one round trip.
        """
        return await self._once(who, statement, values, READ)

    async def write(
        self, who: Principal | TenantId, statement: TextClause, values: Mapping[str, Any]
    ) -> list[Row]:
        """As `read`, for a statement that changes rows."""
        return await self._once(who, statement, values, WRITE)

    async def live(
        self,
        who: Principal | TenantId,
        keys: Sequence[int],
        collections: Sequence[CollectionId],
    ) -> dict[int, LiveChunk]:
        """Those of `keys` that are searchable at this moment in these collections."""
        seal = await self.seal(who)
        return live_chunks(await self.read(who, LIVE, live_values(keys, collections)), seal)

    async def seal(self, who: Principal | TenantId) -> Seal:
        """The seal of a tenant's files."""
        return await self.vault.seal(who.tenant_id if isinstance(who, Principal) else who)

    @asynccontextmanager
    async def system(self) -> AsyncIterator[SystemRepository]:
        """Work that belongs to no tenant: jobs to claim, projections to feed, runs to recover."""
        async with self._begin() as connection:
            await connection.execute(ENTER_SYSTEM)
            yield SystemRepository(connection)

    @asynccontextmanager
    async def installation(self) -> AsyncIterator[Installation]:
        """What belongs to the whole installation: credentials, tenants, the key ring."""
        async with self._begin() as connection:
            await connection.execute(ENTER_SYSTEM)
            yield Installation(connection)

    async def durability(self) -> dict[str, str]:
        """The server's settings that decide whether a commit survives a power cut."""
        async with self._begin() as connection:
            rows = await connection.execute(
                text(
                    "SELECT name, setting FROM pg_settings"
                    " WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')"
                )
            )
            return {row.name: row.setting for row in rows}

    async def schema_version(self) -> str | None:
        """The schema's revision, None for an empty database."""
        async with self._begin() as connection:
            found = await connection.execute(text("SELECT to_regclass('alembic_version')"))
            if found.scalar_one() is None:
                return None
            version = await connection.execute(text("SELECT version_num FROM alembic_version"))
            return version.scalar_one_or_none()

    async def ping(self) -> None:
        """Return when the server answers."""
        async with self._begin() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    async def _once(
        self,
        who: Principal | TenantId,
        statement: TextClause,
        values: Mapping[str, Any],
        begin: LiteralString,
    ) -> list[Row]:
        tenant_id = who.tenant_id if isinstance(who, Principal) else who
        # Which begins and ends its transaction by itself.
        async with _meant(self.engine.connect()) as connection:
            return await once(connection, who, statement, {**values, "tenant": tenant_id}, begin)

    def _begin(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return _begin(self.engine)


def _begin(engine: AsyncEngine) -> AbstractAsyncContextManager[AsyncConnection]:
    return _meant(engine.begin())


@asynccontextmanager
async def _meant(
    opened: AbstractAsyncContextManager[AsyncConnection],
) -> AsyncIterator[AsyncConnection]:
    """A connection whose errors are told as what they mean to a caller."""
    try:
        async with opened as connection:
            yield connection
    except PoolTimeoutError as error:
        raise UnavailableError(
            "Every database connection is busy.", hint="Try again in a moment."
        ) from error
    except (DataError, UnicodeEncodeError) as error:
        raise InvalidError(
            "The request holds a value that cannot be stored or searched for.",
            hint="Leave out NUL characters, broken Unicode and numbers beyond 64 bits.",
        ) from error
    except DBAPIError as error:
        expected = _expected(error)
        if expected is None:
            raise
        raise expected from error


def parse_url(url: str) -> URL:
    """A `postgres://` or `postgresql://` URL, for psycopg; raises `StartError` for another."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise _bad_url() from error
    if parsed.drivername.split("+")[0] not in {"postgres", "postgresql"}:
        raise _bad_url()
    return parsed.set(drivername="postgresql+psycopg")


def _expected(error: DBAPIError) -> AppError | None:
    """What the server's refusal means to a caller, None for a defect of ours."""
    state = getattr(error.orig, "sqlstate", None)
    if (meant := _MEANT.get(state or "")) is not None:
        return meant()
    if state == QUOTA_EXCEEDED and isinstance(error.orig, psycopg.Error):
        return quota_exceeded(error.orig.diag.message_detail or "")
    if state == NOT_PRIVILEGED and READERS_POLICY in str(error.orig):
        said = "This collection is shared with you for reading only."
        return DeniedError(said, hint="An administrator can share it for writing.")
    if is_unreachable(error):
        said = "The database cannot be reached."
        return UnavailableError(said, hint="It may be starting; try again.")
    return None


def is_unreachable(error: DBAPIError) -> bool:
    """Whether the connection, not the statement, is at fault."""
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    return isinstance(error, OperationalError) and is_lost(error.orig)


def is_lost(error: BaseException | None) -> bool:
    """As `is_unreachable`, for the driver's own error."""
    # PostgreSQL, appendix A: classes 08 (connection), 53 (resources), 57P (operator intervention).
    # A connection that was never made has no state at all.
    state = getattr(error, "sqlstate", None)
    return state is None or state.startswith(("08", "53", "57P"))


_REFUSALS = ("authentication failed", "no pg_hba.conf entry", "does not exist", "not permitted")


def _bad_url() -> StartError:
    return StartError(
        "DATABASE_URL is not a PostgreSQL address.",
        hint="Write it as postgresql://user:password@host:5432/name, or unset it to use the"
        " private database in the data directory.",
    )


def refusal(error: UnavailableError) -> str:
    """Why the server does not let us in, when waiting cannot mend that; empty otherwise."""
    # libpq gives no SQLSTATE for a connection that was refused, only the server's words.
    said = str(error.__cause__ or "").partition("FATAL:")[2].splitlines()
    reason = said[0].strip() if said else ""
    return reason if any(words in reason for words in _REFUSALS) else ""
