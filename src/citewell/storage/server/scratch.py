"""A database of its own on somebody's server, for as long as it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from psycopg import sql

from citewell.domain.errors import StartError
from citewell.storage.database import parse_url

CONNECT_SECONDS = 5


@contextmanager
def scratch_database(url: str, prefix: str) -> Iterator[str]:
    """The URL of a new, empty database on the server of `url`, dropped at the end with all in it.

    No other database is read or written. Raises `StartError` when none can be made.
    """
    parsed = parse_url(url)
    name = f"{prefix}_{uuid4().hex}"
    server = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    _execute(server, "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", name)
    try:
        yield parsed.set(drivername="postgresql", database=name).render_as_string(
            hide_password=False
        )
    finally:
        _execute(server, "DROP DATABASE {} WITH (FORCE)", name)


def _execute(server: str, statement: str, name: str) -> None:
    query = sql.SQL(statement).format(sql.Identifier(name))
    try:
        with psycopg.connect(
            server, autocommit=True, connect_timeout=CONNECT_SECONDS
        ) as connection:
            connection.execute(query)
    except psycopg.Error as error:
        said = str(error).strip().splitlines()
        raise StartError(
            f"The scratch database {name} could not be made or dropped:"
            f" {said[0] if said else 'no reason given'}",
            hint="The role in DATABASE_URL needs the right to create databases (CREATEDB).",
        ) from error
