"""A database of its own on a server that others use."""

from contextlib import ExitStack

import psycopg
import pytest
from sqlalchemy import make_url

from citewell.domain.errors import StartError
from citewell.storage.server.scratch import scratch_database
from tests.conftest import PostgresServer


def names(server: PostgresServer) -> set[str]:
    with psycopg.connect(server.admin_url) as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def test_it_is_empty_and_gone_at_the_end_whoever_is_still_connected(
    postgres_server: PostgresServer,
) -> None:
    before = names(postgres_server)
    with ExitStack() as stack:
        url = stack.enter_context(scratch_database(postgres_server.admin_url, "tried"))
        assert {make_url(url).database} == names(postgres_server) - before
        connection = psycopg.connect(url)
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchone() == (0,)
    assert names(postgres_server) == before
    connection.close()


def test_whoever_may_make_none_is_told_what_is_needed(postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.admin_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE powerless LOGIN")
    try:
        url = make_url(postgres_server.admin_url).set(username="powerless")
        with (
            pytest.raises(StartError, match="permission denied to create database") as refused,
            scratch_database(url.render_as_string(hide_password=False), "tried"),
        ):
            pass
        assert "CREATEDB" in refused.value.hint
    finally:
        with psycopg.connect(postgres_server.admin_url, autocommit=True) as connection:
            connection.execute("DROP ROLE powerless")
