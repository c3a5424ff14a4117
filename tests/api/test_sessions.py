"""Whoever is signed in sees where, and ends it; an administrator ends somebody else's sessions."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from citewell.accounts.service import Accounts
from citewell.api.vigil import Watched
from citewell.bootstrap import App
from citewell.domain.errors import UnauthenticatedError
from citewell.domain.ids import DEFAULT_TENANT, TenantId
from citewell.domain.principal import Role
from tests.api.conftest import Keys
from tests.unit.accounts.people import PASSWORD, add_person

ADA = "ada@example.org"


def bearer(credential: str) -> dict[str, str]:
    return {"authorization": f"Bearer {credential}"}


@pytest.fixture
async def door(app: App, anonymous: httpx.AsyncClient) -> httpx.AsyncClient:
    await app.accounts.ring.ensure()
    return anonymous


async def come(door: httpx.AsyncClient) -> Mapping[str, Any]:
    """Sign in with Ada's password."""
    reply = await door.post("/api/v1/auth/token", data={"username": ADA, "password": PASSWORD})
    assert reply.status_code == 200, reply.text
    pair: Mapping[str, Any] = reply.json()
    return pair


async def listed(door: httpx.AsyncClient, credential: str) -> list[dict[str, Any]]:
    reply = await door.get("/api/v1/me/sessions", headers=bearer(credential))
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["items"]
    return found


async def status(door: httpx.AsyncClient, credential: str) -> int:
    return (await door.get("/api/v1/me", headers=bearer(credential))).status_code


async def test_whoever_is_signed_in_sees_each_session_and_ends_one(
    door: httpx.AsyncClient, app: App
) -> None:
    await add_person(app.accounts, DEFAULT_TENANT, ADA)
    first, second = await come(door), await come(door)
    renewed = await door.post(
        "/api/v1/auth/refresh", json={"refresh_token": second["refresh_token"]}
    )
    token = renewed.json()["access_token"]
    # A browser that comes with a token has a session of its own.
    principal = await app.accounts.authenticate(token)
    browser = await app.accounts.open_session(principal)
    mine = await listed(door, first["access_token"])
    assert sorted(one["kind"] for one in mine) == ["browser", "tokens", "tokens"]
    assert [one["current"] for one in mine].count(True) == 1
    assert all(one["opened_at"] <= (one["last_used_at"] or "9") for one in mine)
    (other,) = [one for one in await listed(door, token) if one["current"]]
    path = f"/api/v1/me/sessions/{other['id']}"
    for _ in range(2):  # It may be repeated.
        ended = await door.delete(path, headers=bearer(first["access_token"]))
        assert ended.status_code == 204
    assert await status(door, token) == 401
    assert await status(door, first["access_token"]) == 200
    (cookie,) = [one for one in mine if one["kind"] == "browser"]
    path = f"/api/v1/me/sessions/{cookie['id']}"
    assert (await door.delete(path, headers=bearer(first["access_token"]))).status_code == 204
    assert await status(door, browser) == 401
    (left,) = await listed(door, first["access_token"])
    assert left["current"]


async def test_nobody_ends_the_session_or_takes_the_key_of_somebody_else_for_one(
    door: httpx.AsyncClient, app: App, keys: Keys
) -> None:
    await add_person(app.accounts, DEFAULT_TENANT, ADA)
    ada = (await come(door))["access_token"]
    (session,) = await listed(door, ada)
    colleague = await keys.make(Role.OWNER)
    own_key = (await app.accounts.authenticate(colleague)).key_id
    for name in (session["id"], own_key, uuid4()):
        reply = await door.delete(f"/api/v1/me/sessions/{name}", headers=bearer(colleague))
        assert reply.status_code == 404
    assert await status(door, ada) == 200
    assert await status(door, colleague) == 200
    assert await listed(door, colleague) == []


async def test_an_administrator_signs_somebody_out_and_keys_go_on_unless_it_is_said(
    door: httpx.AsyncClient, app: App, keys: Keys, api: FastAPI
) -> None:
    person = (await add_person(app.accounts, DEFAULT_TENANT, ADA)).user_id
    pair = await come(door)
    ada = await app.accounts.authenticate(pair["access_token"])
    body = {"name": "laptop", "scopes": ["search", "admin"]}
    made = await door.post("/api/v1/api-keys", json=body, headers=bearer(pair["access_token"]))
    key = made.json()["key"]
    admin = bearer(await keys.make(Role.ADMIN))
    path = f"/api/v1/users/{person}/sessions"
    with api.state.server.vigil.over(ada, lambda _: None) as watched:
        assert (await door.delete(path, headers=admin)).status_code == 204
        await api.state.server.vigil.look(app.accounts)
        assert is_ended(watched), "an open socket goes with its session"
    assert await status(door, pair["access_token"]) == 401
    refused = await door.post("/api/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]})
    assert refused.status_code == 401
    assert await status(door, key) == 200
    assert (await door.delete(path, params={"keys": True}, headers=admin)).status_code == 204
    assert await status(door, key) == 401
    told = (await door.get("/api/v1/audit", headers=admin)).json()["items"][:2]
    assert [(one["action"], one["target"], one["details"]) for one in told] == [
        ("session.close_all", str(person), {"keys": 1}),
        ("session.close_all", str(person), {"keys": 0}),
    ]
    # Another process believes what it knows for five seconds at most.
    elsewhere = Accounts.of(app.database, app.accounts.ring.seal.secret)
    with pytest.raises(UnauthenticatedError):
        await elsewhere.authenticate(key)


def is_ended(watched: Watched) -> bool:
    return watched.ended.done() and isinstance(watched.ended.result(), UnauthenticatedError)


async def test_of_a_guest_only_what_is_here_ends(
    door: httpx.AsyncClient, app: App, keys: Keys, other_tenant: TenantId, postgres_url: str
) -> None:
    person = (await add_person(app.accounts, DEFAULT_TENANT, ADA)).user_id
    with psycopg.connect(postgres_url) as owner:
        row = (uuid4(), other_tenant, person)
        owner.execute(
            "INSERT INTO memberships (id, tenant_id, user_id, role) VALUES (%s, %s, %s, 1)", row
        )
    at_home = (await come(door))["access_token"]
    form = {"username": ADA, "password": PASSWORD, "tenant": str(other_tenant)}
    there = (await door.post("/api/v1/auth/token", data=form)).json()["access_token"]
    host = bearer(await keys.make(Role.ADMIN, tenant=other_tenant))
    reply = await door.delete(f"/api/v1/users/{person}/sessions", headers=host)
    assert reply.status_code == 204, reply.text
    assert (await status(door, there), await status(door, at_home)) == (401, 200)


async def test_nobody_signs_out_who_is_above_or_shuts_themselves_out(
    door: httpx.AsyncClient, app: App, keys: Keys
) -> None:
    admin, owner = await keys.make(Role.ADMIN), await keys.make(Role.OWNER)
    above = (await app.accounts.authenticate(owner)).user_id
    own = (await app.accounts.authenticate(admin)).user_id
    operator = (await app.accounts.authenticate(app.admin_key)).user_id
    for credential, person, keys_too, expected in (
        (admin, above, False, 403),
        (admin, uuid4(), False, 404),
        (admin, own, True, 409),
        (owner, operator, True, 409),
        (owner, operator, False, 204),
        (admin, own, False, 204),
    ):
        path = f"/api/v1/users/{person}/sessions"
        reply = await door.delete(path, params={"keys": keys_too}, headers=bearer(credential))
        assert reply.status_code == expected, reply.text
    assert await status(door, app.admin_key) == 200
