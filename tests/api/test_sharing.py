"""Restricted collections: who finds them, and that reading one never lets anybody change it."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from citewell.bootstrap import App
from citewell.domain.ids import DEFAULT_TENANT, TenantId
from citewell.domain.principal import Role
from tests.api.conftest import Keys, work_off

NAME = "secret-plans"
WORD = "zeppelin"
SHARES = f"/api/v1/collections/{NAME}/shares"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a key; `id` is what a share names."""

    id: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Plans:
    """A restricted collection with one document that is read."""

    collection: str
    document: str
    job: str


@pytest.fixture
async def plans(client: httpx.AsyncClient, app: App) -> Plans:
    made = (await client.post("/api/v1/collections", json={"name": NAME})).json()
    text = {"title": "Plan", "text": f"The {WORD} lands at noon."}
    added = (await client.post(f"/api/v1/collections/{NAME}/documents", json=text)).json()
    await work_off(app)
    shut = await client.patch(
        f"/api/v1/collections/{made['id']}", json={"visibility": "restricted"}
    )
    assert shut.json()["visibility"] == "restricted"
    return Plans(made["id"], added["document"]["id"], added["job"]["id"])


async def person(client: httpx.AsyncClient, app: App, keys: Keys, role: Role) -> Person:
    key = await keys.make(role)
    return Person(str((await app.accounts.authenticate(key)).user_id), bearer(key))


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def share(client: httpx.AsyncClient, **body: Any) -> str:
    reply = await client.put(SHARES, json=body)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["id"])


async def reads(client: httpx.AsyncClient, who: Person, plans: Plans) -> set[str]:
    """The places in which somebody finds the plans."""
    found = set()
    question = {"query": f"When does the {WORD} land?", "collections": [NAME]}
    for place, method, path, body in (
        ("collection", "GET", f"/api/v1/collections/{plans.collection}", None),
        ("document", "GET", f"/api/v1/documents/{plans.document}", None),
        ("text", "GET", f"/api/v1/documents/{plans.document}/text", None),
        ("chunks", "GET", f"/api/v1/documents/{plans.document}/chunks", None),
        ("original", "GET", f"/api/v1/documents/{plans.document}/original", None),
        ("job", "GET", f"/api/v1/jobs/{plans.job}", None),
        ("search", "POST", "/api/v1/search", question),
        ("ask", "POST", "/query", {"input": question["query"], "collections": [NAME]}),
    ):
        reply = await client.request(method, path, json=body, headers=who.headers)
        assert reply.status_code in {200, 404}, (place, reply.text)
        found |= {place} if reply.is_success else set()
    for place, path in (
        ("documents", "/api/v1/documents"), ("jobs", "/api/v1/jobs"),
        ("collections", "/api/v1/collections"),
    ):  # fmt: skip
        listed = await client.get(path, headers=who.headers)
        ids = {one["id"] for one in listed.json()["items"]}
        found |= {place} if ids & {plans.collection, plans.document, plans.job} else set()
    return found


EVERYWHERE = {
    "collection", "document", "text", "chunks", "original", "job", "search", "ask", "documents",
    "jobs", "collections",
}  # fmt: skip


async def test_a_restricted_collection_is_found_by_those_it_is_shared_with_and_by_nobody_else(
    client: httpx.AsyncClient, app: App, keys: Keys, plans: Plans
) -> None:
    viewer = await person(client, app, keys, Role.VIEWER)
    editor = await person(client, app, keys, Role.EDITOR)
    admin = await person(client, app, keys, Role.ADMIN)
    assert await reads(client, viewer, plans) == set()
    assert await reads(client, editor, plans) == set()
    assert await reads(client, admin, plans) == EVERYWHERE
    first = await share(client, user=viewer.id)
    assert await reads(client, viewer, plans) == EVERYWHERE
    assert await reads(client, editor, plans) == set()
    second = await share(client, role="editor")
    assert await reads(client, editor, plans) == EVERYWHERE
    listed = (await client.get(SHARES)).json()["items"]
    assert [(one["id"], one["user"], one["role"], one["access"]) for one in listed] == [
        (first, viewer.id, None, "read"),
        (second, None, "editor", "read"),
    ]
    for one in (first, second):
        assert (await client.delete(f"{SHARES}/{one}")).status_code == 204
    assert await reads(client, viewer, plans) == await reads(client, editor, plans) == set()
    opened = {"visibility": "tenant"}
    assert (await client.patch(f"/api/v1/collections/{NAME}", json=opened)).is_success
    assert await reads(client, viewer, plans) == EVERYWHERE


def changes(plans: Plans) -> list[tuple[str, str, Any]]:
    """Every request that changes a collection or what is in it."""
    text = {"title": "Mine", "text": f"Another plan {uuid4()}."}
    return [
        ("POST", f"/api/v1/collections/{NAME}/documents", text),
        ("PATCH", f"/api/v1/collections/{plans.collection}", {"description": "Mine."}),
        ("PATCH", f"/api/v1/documents/{plans.document}", {"title": "Mine"}),
        ("POST", f"/api/v1/documents/{plans.document}/reprocess", None),
        ("DELETE", f"/api/v1/documents/{plans.document}", None),
        ("DELETE", f"/api/v1/collections/{plans.collection}", None),
    ]


async def test_a_share_for_reading_changes_and_deletes_nothing(
    client: httpx.AsyncClient, app: App, keys: Keys, plans: Plans
) -> None:
    editor = await person(client, app, keys, Role.EDITOR)
    before = await state_of(client, plans)
    await share(client, user=editor.id)
    for method, path, body in changes(plans):
        reply = await client.request(method, path, json=body, headers=editor.headers)
        assert reply.status_code == 403, (method, path, reply.text)
        assert "reading only" in reply.json()["detail"]
    assert await state_of(client, plans) == before
    await share(client, user=editor.id, access="write")
    for method, path, body in changes(plans):
        reply = await client.request(method, path, json=body, headers=editor.headers)
        assert reply.is_success, (method, path, reply.text)


async def state_of(client: httpx.AsyncClient, plans: Plans) -> tuple[Any, Any, Any]:
    collection = (await client.get(f"/api/v1/collections/{plans.collection}")).json()
    document = (await client.get(f"/api/v1/documents/{plans.document}")).json()
    jobs = (await client.get("/api/v1/jobs")).json()
    return collection, document, jobs


async def test_a_share_for_writing_gives_a_viewer_no_more_than_their_role(
    client: httpx.AsyncClient, app: App, keys: Keys, plans: Plans
) -> None:
    viewer = await person(client, app, keys, Role.VIEWER)
    await share(client, user=viewer.id, access="write")
    for method, path, body in changes(plans):
        reply = await client.request(method, path, json=body, headers=viewer.headers)
        assert reply.status_code == 403, (method, path, reply.text)
    assert await reads(client, viewer, plans) == EVERYWHERE


async def test_who_shares_and_restricts_is_an_administrator(
    client: httpx.AsyncClient, app: App, keys: Keys, plans: Plans
) -> None:
    editor = await person(client, app, keys, Role.EDITOR)
    await share(client, user=editor.id, access="write")
    path = f"/api/v1/collections/{NAME}"
    for method, where, body in (
        ("PATCH", path, {"visibility": "tenant"}),
        ("GET", SHARES, None),
        ("PUT", SHARES, {"role": "viewer"}),
        ("DELETE", f"{SHARES}/{uuid4()}", None),
    ):
        reply = await client.request(method, where, json=body, headers=editor.headers)
        assert reply.status_code == 403, (method, where, reply.text)


async def test_a_share_names_one_grantee_who_is_a_member(
    client: httpx.AsyncClient, app: App, keys: Keys, plans: Plans, other_tenant: TenantId
) -> None:
    stranger = await app.accounts.authenticate(await keys.make(tenant=other_tenant))
    for body, status in (
        ({}, 422), ({"user": str(uuid4()), "role": "viewer"}, 422), ({"role": "king"}, 422),
        ({"role": "viewer", "access": "delete"}, 422), ({"user": str(stranger.user_id)}, 409),
    ):  # fmt: skip
        reply = await client.put(SHARES, json=body)
        assert reply.status_code == status, reply.text


async def test_a_share_of_another_collection_is_not_ended_through_this_one(
    client: httpx.AsyncClient, plans: Plans
) -> None:
    mine = await share(client, role="viewer")
    assert (await client.post("/api/v1/collections", json={"name": "other"})).status_code == 201
    other = f"/api/v1/collections/other/shares/{mine}"
    assert (await client.delete(other)).status_code == 404
    assert len((await client.get(SHARES)).json()["items"]) == 1


async def test_a_guest_who_is_removed_leaves_no_share_behind(
    client: httpx.AsyncClient, app: App, plans: Plans, other_tenant: TenantId
) -> None:
    async with app.database.transaction(other_tenant) as home:
        guest = await home.users.add("Guest", None, None)
    async with app.database.transaction(DEFAULT_TENANT) as tx:
        await tx.users.join(guest, Role.VIEWER)
    await share(client, user=str(guest))
    assert (await client.delete(f"/api/v1/users/{guest}")).status_code == 202
    assert (await client.get(SHARES)).json()["items"] == []
