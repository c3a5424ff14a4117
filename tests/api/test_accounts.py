"""People, keys, tenants and the record of what was done, through their routes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from citewell.bootstrap import App
from citewell.domain.ids import DEFAULT_TENANT, TenantId
from citewell.domain.principal import Role, Scope
from tests.api.conftest import Keys
from tests.unit.accounts.people import PASSWORD, add_person

OTHER_PASSWORD = "seven quiet lighthouses"
EVERY_SCOPE = sorted(Scope)


@pytest.fixture(autouse=True)
async def ring(app: App) -> None:
    await app.accounts.ring.ensure()


def bearer(credential: str) -> dict[str, str]:
    return {"authorization": f"Bearer {credential}"}


async def sign_in(
    client: httpx.AsyncClient, email: str, password: str, tenant: str = ""
) -> httpx.Response:
    form = {"username": email, "password": password, "tenant": tenant}
    return await client.post("/api/v1/auth/token", data=form)


async def access(client: httpx.AsyncClient, email: str, password: str, tenant: str = "") -> str:
    reply = await sign_in(client, email, password, tenant)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["access_token"])


async def make_user(client: httpx.AsyncClient, name: str, role: str = "viewer") -> dict[str, Any]:
    body = {"name": name, "email": f"{name}@example.org", "password": PASSWORD, "role": role}
    reply = await client.post("/api/v1/users", json=body)
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


async def make_key(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    reply = await client.post("/api/v1/api-keys", json={"name": "k", "scopes": ["search"], **body})
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


async def test_an_administrator_adds_somebody_who_signs_in_and_is_told_who_they_are(
    client: httpx.AsyncClient,
) -> None:
    made = await make_user(client, "ada", "editor")
    listed = (await client.get("/api/v1/users")).json()["items"]
    assert [one["name"] for one in listed] == ["administrator", "ada"]
    assert (await client.get(f"/api/v1/users/{made['id']}")).json() == made
    token = await access(client, " Ada@EXAMPLE.org", PASSWORD)
    me = (await client.get("/api/v1/me", headers=bearer(token))).json()
    assert (me["id"], me["role"], me["tenant_id"]) == (made["id"], "editor", str(DEFAULT_TENANT))
    assert me["scopes"] == EVERY_SCOPE
    assert [one["id"] for one in me["tenants"]] == [str(DEFAULT_TENANT)]


async def test_a_page_of_people_ends_where_the_next_one_begins(client: httpx.AsyncClient) -> None:
    for name in ("ada", "bob", "cyd"):
        assert (await client.post("/api/v1/users", json={"name": name})).status_code == 201
    seen, cursor = [], ""
    while cursor is not None:
        page = await client.get("/api/v1/users", params={"limit": 2, "cursor": cursor})
        seen += [one["name"] for one in page.json()["items"]]
        cursor = page.json()["next_cursor"]
    assert seen == ["administrator", "ada", "bob", "cyd"]


async def test_what_cannot_be_an_account_is_refused_by_its_field(client: httpx.AsyncClient) -> None:
    await make_user(client, "ada")
    for body, status, field in (
        ({"name": "bob", "email": "no address"}, 422, "email"),
        ({"name": "bob", "email": "b@b", "password": "password1234"}, 422, "password"),
        ({"name": "bob", "password": PASSWORD}, 422, "email"),
        ({"name": "bob", "role": "emperor"}, 422, "role"),
        ({"name": "administrator"}, 422, "name"),
        ({"name": "ada"}, 409, None),
        ({"name": "bob", "email": "ADA@example.org"}, 409, None),
    ):
        reply = await client.post("/api/v1/users", json=body)
        assert reply.status_code == status, reply.text
        assert field is None or reply.json()["errors"][0]["field"] == field


async def test_nobody_acts_above_their_own_role(
    client: httpx.AsyncClient, keys: Keys, app: App
) -> None:
    owner = str((await app.accounts.authenticate(app.admin_key)).user_id)
    admin = bearer(await keys.make(Role.ADMIN))
    for method, path, body in (
        ("POST", "/api/v1/users", {"name": "eve", "role": "owner"}),
        ("PATCH", f"/api/v1/users/{owner}", {"role": "viewer"}),
        ("PATCH", f"/api/v1/users/{owner}", {"suspended": True}),
        ("PUT", f"/api/v1/users/{owner}/password", {"password": OTHER_PASSWORD}),
        ("DELETE", f"/api/v1/users/{owner}", None),
        ("POST", "/api/v1/api-keys", {"name": "k", "scopes": ["search"], "user": owner}),
    ):
        reply = await client.request(method, path, json=body, headers=admin)
        assert reply.status_code == 403, (method, path, reply.text)
    ada = (await make_user(client, "ada"))["id"]
    raised = await client.patch(f"/api/v1/users/{ada}", json={"role": "owner"}, headers=admin)
    assert raised.status_code == 403
    assert (await client.get(f"/api/v1/users/{ada}")).json()["role"] == "viewer"


async def test_nobody_locks_out_themselves_or_the_last_owner(
    client: httpx.AsyncClient, app: App
) -> None:
    own = f"/api/v1/users/{(await app.accounts.authenticate(app.admin_key)).user_id}"
    assert (await client.patch(own, json={"suspended": True})).status_code == 409
    assert (await client.delete(own)).status_code == 409
    assert (await client.patch(own, json={"role": "viewer"})).status_code == 409
    first = f"/api/v1/tenants/{DEFAULT_TENANT}"
    assert (await client.patch(first, json={"suspended": True})).status_code == 409


async def credentials_of(client: httpx.AsyncClient, app: App, person: str) -> dict[str, str]:
    """One credential of each kind of `ada`."""
    token = await access(client, "ada@example.org", PASSWORD)
    holder = await app.accounts.authenticate(token)
    return {
        "access token": token,
        "api key": (await make_key(client, scopes=EVERY_SCOPE, user=person))["key"],
        "browser session": await app.accounts.open_session(holder),
    }


async def test_whoever_is_suspended_is_refused_with_every_kind_of_credential(
    client: httpx.AsyncClient, app: App
) -> None:
    person = (await make_user(client, "ada"))["id"]
    held = await credentials_of(client, app, person)
    refresh = (await sign_in(client, "ada@example.org", PASSWORD)).json()["refresh_token"]
    tickets = [
        (await client.post("/api/v1/auth/socket-ticket", headers=bearer(one))).json()["ticket"]
        for one in held.values()
    ]
    path = f"/api/v1/users/{person}"
    shut = await client.patch(path, json={"suspended": True})
    assert shut.json()["suspended_at"] is not None
    for kind, credential in held.items():
        for carrier in (
            bearer(credential), {"x-api-key": credential, "authorization": ""},
            {"cookie": f"citewell_session={credential}", "authorization": ""},
        ):  # fmt: skip
            reply = await client.get("/api/v1/me", headers=carrier)
            assert reply.status_code == 401, (kind, carrier, reply.text)
    for ticket in tickets:
        with pytest.raises(Exception, match="ticket"):
            await app.accounts.redeem_ticket(ticket)
    assert (await sign_in(client, "ada@example.org", PASSWORD)).status_code == 401
    body = {"refresh_token": refresh}
    assert (await client.post("/api/v1/auth/refresh", json=body)).status_code == 401
    await client.patch(path, json={"suspended": False})
    again = {
        kind: (await client.get("/api/v1/me", headers=bearer(one))).status_code
        for kind, one in held.items()
    }
    assert again == {"access token": 401, "api key": 200, "browser session": 401}
    assert (await sign_in(client, "ada@example.org", PASSWORD)).status_code == 200


async def test_a_changed_role_counts_for_credentials_that_are_out_already(
    client: httpx.AsyncClient, app: App
) -> None:
    person = (await make_user(client, "ada", "admin"))["id"]
    held = await credentials_of(client, app, person)
    for credential in held.values():
        assert (await client.get("/api/v1/users", headers=bearer(credential))).is_success
    assert (await client.patch(f"/api/v1/users/{person}", json={"role": "viewer"})).is_success
    for credential in held.values():
        reply = await client.get("/api/v1/users", headers=bearer(credential))
        assert reply.status_code == 403


async def test_a_new_password_ends_every_session_and_leaves_the_keys(
    client: httpx.AsyncClient, app: App
) -> None:
    person = (await make_user(client, "ada"))["id"]
    held = await credentials_of(client, app, person)
    own = {"current": PASSWORD, "password": OTHER_PASSWORD}
    headers = bearer(held["access token"])
    wrong = await client.put("/api/v1/me/password", json={**own, "current": "x"}, headers=headers)
    assert wrong.status_code == 422
    weak = await client.put(
        "/api/v1/me/password", json={**own, "password": "short"}, headers=headers
    )
    assert weak.status_code == 422
    done = await client.put("/api/v1/me/password", json=own, headers=headers)
    assert done.status_code == 204
    left = [
        kind
        for kind, one in held.items()
        if (await client.get("/api/v1/me", headers=bearer(one))).is_success
    ]
    assert left == ["api key"]
    assert (await sign_in(client, "ada@example.org", PASSWORD)).status_code == 401
    await access(client, "ada@example.org", OTHER_PASSWORD)
    path = f"/api/v1/users/{person}/password"
    assert (await client.put(path, json={"password": PASSWORD})).status_code == 204
    await access(client, "ada@example.org", PASSWORD)


async def test_somebody_removed_is_out_at_once_and_their_erasure_is_queued(
    client: httpx.AsyncClient, app: App
) -> None:
    person = (await make_user(client, "ada"))["id"]
    held = await credentials_of(client, app, person)
    receipt = await client.delete(f"/api/v1/users/{person}")
    assert receipt.status_code == 202
    assert receipt.json()["everywhere"] is True
    for credential in held.values():
        assert (await client.get("/api/v1/me", headers=bearer(credential))).status_code == 401
    jobs = (await client.get("/api/v1/jobs")).json()["items"]
    assert [one["kind"] for one in jobs] == ["erase"]


async def test_a_guest_is_changed_at_home_and_removed_here(
    client: httpx.AsyncClient, app: App, other_tenant: TenantId, keys: Keys
) -> None:
    ada = await add_person(app.accounts, DEFAULT_TENANT, "ada@example.org")
    invited = await client.post(
        f"/api/v1/tenants/{other_tenant}/members",
        json={"email": "ada@example.org", "role": "owner"},
    )
    assert invited.status_code == 201
    assert invited.json()["guest"] is True
    there = bearer(await keys.make(tenant=other_tenant))
    path = f"/api/v1/users/{ada.user_id}"
    for method, more, body in (
        ("PATCH", "", {"suspended": True}),
        ("PUT", "/password", {"password": OTHER_PASSWORD}),
    ):
        reply = await client.request(method, path + more, json=body, headers=there)
        assert reply.status_code == 409, reply.text
    by_admin = bearer(await keys.make(Role.ADMIN))
    body = {"password": OTHER_PASSWORD}
    reply = await client.put(f"{path}/password", json=body, headers=by_admin)
    assert reply.status_code == 403, "she owns another tenant, which her password opens"
    token = await access(client, "ada@example.org", PASSWORD, str(other_tenant))
    assert (await client.delete(path, headers=there)).json()["everywhere"] is False
    assert (await client.get("/api/v1/me", headers=bearer(token))).status_code == 401
    await access(client, "ada@example.org", PASSWORD)


async def test_who_runs_the_installation_is_at_home_in_its_first_tenant(
    client: httpx.AsyncClient, app: App, other_tenant: TenantId
) -> None:
    await add_person(app.accounts, other_tenant, "eve@example.org")
    path = f"/api/v1/tenants/{DEFAULT_TENANT}/members"
    body = {"email": "eve@example.org", "role": "owner"}
    assert (await client.post(path, json=body)).status_code == 409
    made = await client.post(path, json={**body, "role": "admin"})
    assert made.status_code == 201, made.text
    raised = await client.patch(f"/api/v1/users/{made.json()['id']}", json={"role": "owner"})
    assert raised.status_code == 409


async def test_a_tenant_begins_with_an_owner_and_shuts_for_everybody(
    client: httpx.AsyncClient,
) -> None:
    owner = {"email": "eve@example.org", "name": "Eve", "password": PASSWORD}
    made = await client.post("/api/v1/tenants", json={"name": "North", "owner": owner})
    assert made.status_code == 201, made.text
    north = made.json()
    token = await access(client, "eve@example.org", PASSWORD)
    me = (await client.get("/api/v1/me", headers=bearer(token))).json()
    assert (me["tenant"], me["role"]) == ("North", "owner")
    key = await client.post(
        "/api/v1/api-keys", json={"name": "k", "scopes": EVERY_SCOPE}, headers=bearer(token)
    )
    there = bearer(key.json()["key"])
    assert (await client.get("/api/v1/collections", headers=there)).is_success
    assert (await client.get("/api/v1/tenants", headers=there)).status_code == 403
    south = {"name": "South", "owner": {"email": "eve@example.org"}}
    assert (await client.post("/api/v1/tenants", json=south)).status_code == 201
    assert (await client.post("/api/v1/tenants", json=south)).status_code == 409
    names = [one["name"] for one in (await client.get("/api/v1/tenants")).json()["items"]]
    assert {"North", "South"} < set(names)
    path = f"/api/v1/tenants/{north['id']}"
    assert (await client.patch(path, json={"suspended": True})).json()["suspended_at"]
    for headers in (there, bearer(token)):
        assert (await client.get("/api/v1/me", headers=headers)).status_code == 401
    moved = bearer(await access(client, "eve@example.org", PASSWORD))
    assert (await client.get("/api/v1/me", headers=moved)).json()["tenant"] == "South"
    await client.patch(path, json={"suspended": False, "name": "Nord"})
    assert (await client.get("/api/v1/me", headers=there)).json()["tenant"] == "Nord"


async def test_an_owner_who_could_not_sign_in_makes_no_tenant(client: httpx.AsyncClient) -> None:
    await make_user(client, "ada")
    for owner in (
        {"email": "nobody@example.org"},
        {"email": "ada@example.org", "password": OTHER_PASSWORD},
        {"email": "nobody@example.org", "password": "password1234"},
        {"email": "nobody@example.org", "password": PASSWORD, "name": "administrator"},
    ):
        reply = await client.post("/api/v1/tenants", json={"name": "N", "owner": owner})
        assert reply.status_code == 422, reply.text
    assert len((await client.get("/api/v1/tenants")).json()["items"]) == 1


async def test_a_key_is_told_once_and_does_what_its_scopes_say(
    client: httpx.AsyncClient, app: App, postgres_url: str
) -> None:
    made = await make_key(client, expires_in_days=1)
    assert made["key"].startswith("cw_")
    listed = (await client.get("/api/v1/api-keys")).json()["items"]
    assert made["id"] in [one["id"] for one in listed]
    assert "key" not in listed[0]
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(days=1)
    headers = bearer(made["key"])
    search = await client.post("/api/v1/search", json={"query": "x"}, headers=headers)
    assert search.status_code == 200
    assert (await client.get("/api/v1/documents", headers=headers)).status_code == 403
    assert (await client.get("/api/v1/api-keys", headers=headers)).status_code == 403
    with psycopg.connect(postgres_url) as owner:
        stored = str(owner.execute("SELECT * FROM api_keys").fetchall())
    assert made["key"].split(".")[1] not in stored


async def test_a_repeated_request_gets_the_same_secret_which_is_nowhere_in_the_database(
    client: httpx.AsyncClient, postgres_url: str
) -> None:
    once = {"idempotency-key": "k1"}
    body: dict[str, Any] = {"name": "k", "scopes": ["search"]}
    first, again = [
        await client.post("/api/v1/api-keys", json=body, headers=once) for _ in range(2)
    ]
    assert first.json() == again.json()
    body["name"] = "other"
    assert (await client.post("/api/v1/api-keys", json=body, headers=once)).status_code == 422
    path = f"/api/v1/api-keys/{first.json()['id']}/rotate"
    rotated = [await client.post(path, json={}, headers=once) for _ in range(2)]
    assert rotated[0].json() == rotated[1].json()
    user = {"name": "ada", "email": "ada@example.org", "password": PASSWORD}
    people = [await client.post("/api/v1/users", json=user, headers=once) for _ in range(2)]
    assert people[0].json() == people[1].json()
    user["password"] = OTHER_PASSWORD
    assert (await client.post("/api/v1/users", json=user, headers=once)).status_code == 422
    secrets = [reply.json()["key"].split(".")[1] for reply in (first, rotated[0])]
    with psycopg.connect(postgres_url) as owner:
        kept = str(owner.execute("SELECT * FROM idempotency").fetchall())
    assert not [one for one in (*secrets, PASSWORD) if one in kept]


async def test_a_rotated_key_works_until_its_overlap_is_over(
    client: httpx.AsyncClient, app: App
) -> None:
    old = await make_key(client, scopes=EVERY_SCOPE)
    path = f"/api/v1/api-keys/{old['id']}/rotate"
    new = (await client.post(path, json={"overlap_hours": 1})).json()
    assert (new["name"], new["scopes"]) == (old["name"], old["scopes"])
    for key in (old, new):
        assert (await client.get("/api/v1/me", headers=bearer(key["key"]))).is_success
    assert (await client.post(path, json={})).status_code == 409, "it is replaced already"
    at_once = f"/api/v1/api-keys/{new['id']}/rotate"
    newest = (await client.post(at_once, json={"overlap_hours": 0})).json()
    assert (await client.get("/api/v1/me", headers=bearer(new["key"]))).status_code == 401
    assert (await client.get("/api/v1/me", headers=bearer(newest["key"]))).is_success


async def test_a_key_is_its_owners_and_an_administrators_to_revoke(
    client: httpx.AsyncClient, app: App, keys: Keys
) -> None:
    ada = bearer(await keys.make(Role.EDITOR))
    bob = bearer(await keys.make(Role.EDITOR))
    admin = bearer(await keys.make(Role.ADMIN))
    own = await client.post(
        "/api/v1/api-keys", json={"name": "k", "scopes": ["search"]}, headers=ada
    )
    path = f"/api/v1/api-keys/{own.json()['id']}"
    mine = (await client.get("/api/v1/api-keys", headers=ada)).json()["items"]
    assert {one["user_id"] for one in mine} == {own.json()["user_id"]}
    assert (await client.delete(path, headers=bob)).status_code == 404
    assert (await client.post(f"{path}/rotate", json={}, headers=bob)).status_code == 404
    used = bearer(own.json()["key"])
    assert (await client.post("/api/v1/search", json={"query": "x"}, headers=used)).is_success
    assert (await client.delete(path, headers=admin)).status_code == 204
    assert (await client.delete(path, headers=admin)).status_code == 204, "safe to repeat"
    gone = await client.post("/api/v1/search", json={"query": "x"}, headers=used)
    assert gone.status_code == 401


async def test_the_key_in_the_servers_file_is_replaced_there(
    client: httpx.AsyncClient, app: App
) -> None:
    own = (await app.accounts.authenticate(app.admin_key)).key_id
    assert (await client.delete(f"/api/v1/api-keys/{own}")).status_code == 409
    assert (await client.post(f"/api/v1/api-keys/{own}/rotate", json={})).status_code == 409
    for name in ("administrator", "browser session"):
        body = {"name": name, "scopes": ["search"]}
        assert (await client.post("/api/v1/api-keys", json=body)).status_code == 422


async def test_every_act_is_in_the_record_with_the_request_that_did_it(
    client: httpx.AsyncClient,
) -> None:
    ada = await make_user(client, "ada")
    path = f"/api/v1/users/{ada['id']}"
    changed = await client.patch(path, json={"role": "admin"}, headers={"x-request-id": "req-7"})
    key = await make_key(client, user=ada["id"])
    await client.post(f"/api/v1/api-keys/{key['id']}/rotate", json={})
    await client.delete(f"/api/v1/api-keys/{key['id']}")
    await client.put(f"{path}/password", json={"password": OTHER_PASSWORD})
    await make_user(client, "bob")
    body = {"name": "North", "owner": {"email": "bob@example.org"}}
    north = (await client.post("/api/v1/tenants", json=body)).json()
    await client.patch(f"/api/v1/tenants/{north['id']}", json={"suspended": True})
    await client.delete(path)
    pages, cursor = [], ""
    while cursor is not None:
        page = (await client.get("/api/v1/audit", params={"limit": 3, "cursor": cursor})).json()
        pages += page["items"]
        cursor = page["next_cursor"]
    assert [one["number"] for one in pages] == list(range(len(pages)))[::-1]
    assert [one["action"] for one in pages][::-1] == [
        # The first is the server's own: the key in its file, at the start.
        "key.create", "user.create", "user.change", "key.create", "key.rotate", "key.revoke",
        "user.password", "user.create", "tenant.create", "tenant.change", "privacy.erase",
        "user.remove",
    ]  # fmt: skip
    by_id = {one["request_id"]: one for one in pages}
    assert by_id[changed.headers["x-request-id"]]["details"] == {"role": "admin"}
    assert changed.headers["x-request-id"] == "req-7"
    told = str(pages)
    assert not [secret for secret in (PASSWORD, OTHER_PASSWORD, key["key"]) if secret in told]
    assert "ada@example.org" not in told
