"""Runs a checked statement: as a role that may read the views alone, bounded in every direction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import sql
from sqlalchemy import URL

from citewell.domain.errors import AppError, InvalidError, TimedOutError, UnavailableError
from citewell.domain.principal import Principal
from citewell.domain.records import Records
from citewell.storage.at_once.entering import entered_as

STATEMENT_SECONDS = 5
SECONDS = 5.5
CONNECT_SECONDS = 2
MOST_AT_ONCE = 4
MOST_ROWS = 200
MOST_CHARACTERS = 50_000
# Of one value: a cell that is longer is shown with its beginning.
MOST_SHOWN = 2_000

_OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "default_transaction_read_only": "on",
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "idle_in_transaction_session_timeout": "10s",
        "lock_timeout": "1s",
        "standard_conforming_strings": "on",
        "jit": "off",
        "work_mem": "8MB",
        "max_parallel_workers_per_gather": "0",
        "timezone": "UTC",
    }.items()
)
_ENTER = (
    "SELECT set_config('role', 'citewell_reader', true),"
    " set_config('app.tenant_id', %(tenant)s, true),"
    " set_config('app.user_id', %(user)s, true), set_config('app.role', %(role)s, true)"
)
_STOPPED = frozenset({"57014"})
_TOO_BIG = frozenset({"53200", "53400", "54000"})


@dataclass(frozen=True, slots=True)
class RecordReader:
    """Reads records for callers, each on a connection of its own; few at once."""

    url: URL
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))

    async def read(self, principal: Principal, statement: str) -> Records:
        """What the statement gives of what this caller may see, at most `MOST_ROWS` rows.

        Raises `InvalidError` for one that is not allowed or wrong, `TimedOutError` after
        `SECONDS`, and `UnavailableError`.
        """
        try:
            async with asyncio.timeout(SECONDS), self._turns:
                safe = await asyncio.to_thread(_checked, statement)
                async with self._entered(principal) as connection:
                    return await _rows(connection, safe)
        except TimeoutError as error:
            raise _too_slow() from error
        except psycopg.Error as error:
            raise _explained(error) from error

    @asynccontextmanager
    async def _entered(self, principal: Principal) -> AsyncIterator[psycopg.AsyncConnection]:
        where = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await psycopg.AsyncConnection.connect(
            where, options=_OPTIONS, connect_timeout=CONNECT_SECONDS, autocommit=False
        )
        try:
            await connection.execute(_ENTER, entered_as(principal))
            yield connection
        finally:
            # Nothing is kept: the next caller begins with a connection that nobody has had.
            await connection.close()


def _checked(statement: str) -> str:
    # A sixth of a second to import, for a question in a hundred.
    from citewell.storage.asking.statements import checked

    return checked(statement)


async def _rows(connection: psycopg.AsyncConnection, safe: str) -> Records:
    # `safe` was written by `checked` from a tree, which no literal of ours could be.
    inside = sql.SQL(safe)
    asked = sql.SQL("SELECT * FROM ({}) AS asked LIMIT {}").format(inside, MOST_ROWS + 1)
    # Prepared, the server takes one statement and no more.
    cursor = await connection.execute(asked, prepare=True)
    result = cursor.pgresult
    if result is None or cursor.description is None:
        raise InvalidError("The statement gives no rows.")
    columns = tuple(column.name for column in cursor.description)
    rows: list[tuple[str | None, ...]] = []
    left = MOST_CHARACTERS
    for number in range(min(result.ntuples, MOST_ROWS)):
        cells = [result.get_value(number, place) for place in range(result.nfields)]
        row = tuple(None if cell is None else _shown(bytes(cell)) for cell in cells)
        left -= sum(len(cell or "") for cell in row)
        if left < 0:
            break
        rows.append(row)
    return Records(columns, tuple(rows), cut=len(rows) < result.ntuples)


def _shown(cell: bytes) -> str:
    text = cell.decode("utf-8", errors="replace")
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _explained(error: psycopg.Error) -> AppError:
    state = error.sqlstate
    if state in _STOPPED:
        return _too_slow()
    if state in _TOO_BIG:
        return InvalidError("The statement needs too much memory.", hint="Ask for less at once.")
    if state is None or state.startswith(("08", "53", "57P")):
        return UnavailableError("The database cannot be reached.", hint="Try again.")
    said = (error.diag.message_primary or "no reason given").strip()
    return InvalidError(
        f"PostgreSQL refuses the statement: {said}.", hint=error.diag.message_hint or ""
    )


def _too_slow() -> TimedOutError:
    return TimedOutError(
        f"The statement was not answered within {STATEMENT_SECONDS} seconds.",
        hint="Ask for fewer rows or join less.",
    )
