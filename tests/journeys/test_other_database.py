"""A server on somebody's own PostgreSQL: nothing but its address is needed."""

from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from tests.journeys.conftest import Server, add, citewell, settled

LAMP = b"The lighthouse at Cape Ward was built in 1874.\n"


def owned(url: str) -> str:
    """The same database, given to an ordinary role; an administrator lent it the three roles."""
    parsed = make_url(url)
    name = f"owner_{parsed.database}"
    with psycopg.connect(url, autocommit=True) as connection:
        role, database = sql.Identifier(name), sql.Identifier(parsed.database or "")
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, role))
        connection.execute(
            sql.SQL("GRANT citewell_app, citewell_system, citewell_reader TO {}").format(role)
        )
    return parsed.set(username=name).render_as_string(hide_password=False)


@pytest.mark.parametrize("may_do_all", [True, False], ids=["superuser", "owner"])
def test_documents_live_in_the_database_that_is_named(
    idle: Server, empty_url: str, may_do_all: bool
) -> None:
    url = empty_url if may_do_all else owned(empty_url)
    idle.settings = {"DATABASE_URL": url}
    idle.start()
    with idle.client() as client:
        document = add(client, "lamp.txt", LAMP)
        assert settled(client, document["id"])["status"] == "ready"
    idle.close()
    assert not (idle.home / "postgres").exists()
    with psycopg.connect(empty_url) as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (1,)

    idle.start()
    with idle.client() as client:
        answer = client.post("/query", json={"input": "When was the lighthouse built?"}).json()
    assert "1874" in answer["response"]
    idle.close()


def test_a_role_that_lacks_a_right_ends_the_start_with_the_way_out(
    home: Path, empty_url: str
) -> None:
    parsed = make_url(empty_url)
    name = f"guest_{parsed.database}"
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
    url = parsed.set(username=name).render_as_string(hide_password=False)
    done = citewell(home, "serve", "--port", "0", seconds=60.0, DATABASE_URL=url)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    said = done.stderr.partition("Error: ")[2]
    assert "permission denied" in said
    assert "CREATEROLE" in said
