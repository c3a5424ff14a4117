"""Who did something is in no log: no name, no address, no id of a person, no network address.

Lines hold random ids of requests, runs and jobs. What these belong to goes with the person; the
record of actions keeps the id of a request beside the random id of an account that is no more.
"""

import re
from collections.abc import Mapping
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from psycopg import sql

from citewell.storage.tables.schema import metadata
from tests.journeys.conftest import Server, add, settled, wait_until

PASSWORD = "nine quiet lighthouses"
SENDERS = ("203.0.113.77", "2001:db8:77::9")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b")
# Rows that outlive a person on purpose, by ids only (decision 0023).
KEPT = {"audit_log", "erasures"}


@pytest.fixture
def surroundings() -> Mapping[str, str]:
    """A proxy before the server names who sends, and the log is as talkative as it gets."""
    return {"CITEWELL_LIMITS__TRUSTED_PROXIES": "127.0.0.1", "LOG_LEVEL": "debug"}


def live(server: Server, name: str, email: str) -> tuple[str, list[str]]:
    """A person who does what people do; their id, and the secrets that they carried."""
    with server.client() as owner:
        body = {"name": name, "email": email, "password": PASSWORD, "role": "editor"}
        person = owner.post("/api/v1/users", json=body).json()["id"]
    headers = {"x-forwarded-for": SENDERS[0]}
    with httpx.Client(base_url=server.address, headers=headers, timeout=60, trust_env=False) as ada:
        form = {"username": email, "password": PASSWORD}
        wrong = ada.post("/api/v1/auth/token", data={**form, "password": "wrong"})
        assert wrong.status_code == 401
        pair = ada.post("/api/v1/auth/token", data=form).json()
        ada.headers["authorization"] = f"Bearer {pair['access_token']}"
        key = ada.post("/api/v1/api-keys", json={"name": name, "scopes": ["search"]}).json()["key"]
        assert settled(ada, add(ada, "lamp.txt", b"The lamp was lit in 1874.")["id"])
        assert ada.post("/query", json={"input": "When was the lamp lit?"}).is_success
        ada.headers["x-forwarded-for"] = SENDERS[1]
        assert ada.post("/api/v1/privacy/exports", json={}).status_code == 202
        assert ada.get(f"/api/v1/users/{person}").status_code == 403
        assert ada.post("/api/v1/auth/logout").status_code == 204
    return person, [key, pair["access_token"], pair["refresh_token"]]


def rows_with(url: str, wanted: str) -> dict[str, list[str]]:
    """The rows that hold this text, by table, as the owner of the database reads them."""
    found: dict[str, list[str]] = {}
    with psycopg.connect(url) as connection:
        for name in metadata.tables:
            query = sql.SQL("SELECT t::text FROM {} AS t WHERE t::text LIKE %s")
            rows = connection.execute(query.format(sql.Identifier(name)), [f"%{wanted}%"])
            if texts := [str(row[0]) for row in rows]:
                found[name] = texts
    return found


def test_no_line_tells_who_and_its_ids_lead_nowhere_once_somebody_is_forgotten(
    server: Server, postgres_url: str
) -> None:
    name, email = f"Canary {uuid4().hex[:12]}", f"canary-{uuid4().hex[:12]}@example.org"
    person, secrets = live(server, name, email)
    with server.client() as owner:
        asked = owner.delete(f"/api/v1/users/{person}").json()
        path = f"/api/v1/privacy/erasures/{asked['id']}"
        wait_until(lambda: owner.get(path).json()["erased_at"], "the erasure")
    logged = server.log.read_text("utf-8", "replace")
    assert logged.count('"http.request"') > 10
    for told in (name, email, person, UUID(person).hex, PASSWORD, *SENDERS, *secrets):
        assert told not in logged
    # Not even who runs the server's own machine.
    assert not re.search(r"\b127\.0\.0\.1:\d+\b", logged), "the address of a peer"

    ids = set(_UUID.findall(logged))
    assert len(ids) > 10
    left = rows_with(postgres_url, person)
    assert set(left) <= KEPT, left
    beside = {table for table, rows in left.items() for row in rows for one in ids if one in row}
    assert beside <= KEPT
    # That account is no more: its id says no name and no address to anybody.
    for told in (name, email):
        assert set(rows_with(postgres_url, told)) == set()
