"""Who may do what: every route, every kind of caller, own, foreign and missing things."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.types import Message, Send

from citewell.api.app import guarded_routes
from citewell.api.guard import GuardedRoute, Policy, policy_of
from citewell.bootstrap import App
from citewell.domain.accounts import Access
from citewell.domain.errors import StartError
from citewell.domain.ids import (
    CollectionId,
    ErasureId,
    KeyId,
    McpServerId,
    RunId,
    SessionId,
    TenantId,
    UserId,
    new_id,
)
from citewell.domain.memories import MOST_FACTS
from citewell.domain.principal import Principal, Role, Scope
from citewell.domain.privacy import Erasure
from citewell.domain.tools.servers import MOST_SERVERS, Place
from citewell.storage.repositories.accounts.sessions import NewRefreshToken
from citewell.storage.repositories.keys import NewKey
from citewell.storage.transaction import Transaction
from tests.api.conftest import Keys

BODIES: dict[str, Any] = {
    "ask": {"input": "What?"},
    "create_collection": {"name": "matrix"},
    "change_collection": {"description": "Changed."},
    "add_document": {"text": "Text.", "title": "Title"},
    "change_document": {"title": "Changed"},
    "search": {"query": "What?"},
    "decide": {"purpose": "newsletter", "version": "1", "given": True},
    "start_export": {},
    "start_erasure": {},
    "refresh_tokens": {"refresh_token": "x" * 43},
    "share_collection": {"role": "viewer"},
    "create_user": {"name": "matrix"},
    "change_user": {"role": "viewer"},
    "set_password": {"password": "too weak"},
    "change_password": {"current": "wrong", "password": "too weak"},
    "create_api_key": {"name": "matrix", "scopes": ["search"]},
    "rotate_api_key": {"overlap_hours": 1},
    "create_tenant": {"name": "matrix", "owner": {"email": "nobody@example.org"}},
    "change_tenant": {"suspended": False},
    "invite_member": {"email": "nobody@example.org"},
    "sign_in": {"key": "x" * 40},
    "create_conversation": {"title": "matrix"},
    "change_conversation": {"title": "Changed"},
    "create_memory": {"text": "Matrix."},
    "change_memory": {"text": "Changed."},
    "start_run": {"input": "What?"},
    "resume_run": {"resume": [{"interruptId": str(new_id()), "status": "cancelled"}]},
    "add_mcp_server": {"name": "matrix", "url": "https://matrix.example/mcp"},
    "approve_mcp_tool": {"tool": "tool", "sha256": "0" * 64},
    "set_budgets": {"month": {"tokens": 1_000_000}},
}
OPEN_ROUTES = {
    "livez", "readyz", "healthz", "prometheus", "openapi", "page", "page_file", "sign_in",
    "sign_in_by_code", "sign_in_with_password", "refresh_tokens", "list_providers",
    "start_single_sign_on", "finish_single_sign_on",
}  # fmt: skip


# Signing out would end the caller of what is tried next; tests of their own say what they do.
SIGNS_OUT = {"sign_out", "logout"}
# What is their user's alone: not even an administrator finds another one's.
PRIVATE = re.compile(r"\{(?:run|conversation|memory|session)_id\}")


@dataclass(frozen=True, slots=True)
class Things:
    """Ids of one tenant's things."""

    collection_id: str
    document_id: str
    job_id: str
    run_id: str
    export_id: str
    erasure_id: str
    user_id: str
    key_id: str
    tenant_id: str
    share_id: str
    session_id: str
    conversation_id: str
    memory_id: str
    server_id: str
    tool: str


async def things_of(client: httpx.AsyncClient, app: App, key: str) -> Things:
    client.headers["authorization"] = f"Bearer {key}"
    name = f"mine-{uuid4().hex}"
    made = await client.post("/api/v1/collections", json={"name": name})
    accepted = await client.post(
        f"/api/v1/collections/{name}/documents", json={"title": "T", "text": "Canary text."}
    )
    principal = await app.accounts.authenticate(key)
    run_id = RunId(new_id())
    async with app.database.transaction(principal.tenant_id) as tx:
        conversation = await tx.conversations.create(principal.user_id, "Canary")
        await tx.runs.create(run_id, conversation, principal.user_id, {"text": "Canary"})
        known = await tx.memories.of(principal.user_id)
        if len(known) > MOST_FACTS / 2:
            # Of a hundred that a person may have, the first are those that cells name.
            await tx.memories.delete(known[0].id, principal.user_id)
        memory = await tx.memories.add(principal.user_id, "Canary.")
        export = await tx.requests.ask_export(principal.user_id, principal.user_id)
        erasure = await ask_erasure(tx, principal.user_id)
        collection_id = CollectionId(UUID(made.json()["id"]))
        share = await tx.shares.grant(collection_id, Role.VIEWER, Access.READ)
        person = await tx.users.add(f"Canary {uuid4()}", None, None)
        await tx.users.join(person, Role.VIEWER)
        session = await open_session(tx, principal)
        key_id = KeyId(new_id())
        scopes = frozenset({Scope.SEARCH})
        await tx.keys.add(NewKey(key_id, principal.user_id, "Canary", key_id.bytes, scopes))
        known_servers = await tx.mcp_servers.all()
        if len(known_servers) > MOST_SERVERS / 2:
            await tx.mcp_servers.remove(known_servers[-1].id)
        server_id = McpServerId(new_id())
        place = Place(f"c{server_id.hex[:20]}", "https://canary.example/mcp")
        await tx.mcp_servers.add(server_id, place, None)
    del client.headers["authorization"]
    job, document = accepted.json()["job"]["id"], accepted.json()["document"]["id"]
    ids = (
        run_id,
        export.id,
        erasure.id,
        person,
        key_id,
        principal.tenant_id,
        share.id,
        session,
        conversation,
        memory.id,
        server_id,
        "tool",
    )
    return Things(str(collection_id), document, job, *map(str, ids))


async def open_session(tx: Transaction, holder: Principal) -> SessionId:
    """As signing in with a password does."""
    session = SessionId(new_id())
    generation = await tx.users.generation(holder.user_id)
    lifetime, digest = timedelta(days=1), session.bytes
    await tx.sessions.add(
        NewRefreshToken(holder.user_id, session, digest, generation, holder.scopes, lifetime)
    )
    return session


async def ask_erasure(tx: Transaction, person: UserId) -> Erasure:
    """An entry of the ledger that no job will ever execute."""
    asked = Erasure(
        id=ErasureId(new_id()),
        tenant_id=tx.tenant_id,
        user_id=person,
        requested_by=person,
        everywhere=True,
        with_documents=False,
        created_at=await tx.now(),
        erased_at=None,
        scrubbed_at=None,
        removed={},
    )
    await tx.requests.add_erasure(asked)
    return asked


def missing() -> Things:
    return Things(*(str(uuid4()) for _ in range(len(Things.__slots__))))


async def call(
    client: httpx.AsyncClient, route: GuardedRoute, things: Things, key: str | None = None
) -> httpx.Response:
    names = {"name": "app.js", **{f: getattr(things, f) for f in Things.__slots__}}
    path = re.sub(r"{(\w+)(:path)?}", lambda found: names[found[1]], route.path)
    headers = [] if key is None else [(b"authorization", f"Bearer {key}".encode())]
    (method,) = route.methods or set()
    return await client.request(method, path, json=BODIES.get(route.name), headers=headers)


GUARDED = [route for route in guarded_routes() if not policy_of(route.endpoint).public]
NAMED = [route for route in GUARDED if "{" in route.path]


def named(route: GuardedRoute) -> str:
    return route.name


def test_only_the_known_routes_are_open_to_everybody() -> None:
    found = {r.name for r in guarded_routes() if policy_of(r.endpoint).public}
    assert found == OPEN_ROUTES


def test_a_route_without_a_policy_stops_the_start() -> None:
    router = APIRouter(route_class=GuardedRoute)
    with pytest.raises(StartError, match="declares no policy"):
        router.get("/forgotten")(lambda: None)


async def test_nobody_unknown_passes_any_guarded_route(
    anonymous: httpx.AsyncClient, keys: Keys, app: App
) -> None:
    things = await things_of(anonymous, app, app.admin_key)
    revoked = await keys.make_revoked()
    credentials = [None, "", "x", "cw_" + "A" * 43, revoked, "ü" * 40, app.admin_key[:-1]]
    for route in GUARDED:
        for key in credentials:
            reply = await call(anonymous, route, things, key)
            assert reply.status_code == 401, (route.name, key, reply.text)
            assert reply.headers["www-authenticate"] == "Bearer"
            assert "Canary" not in reply.text


async def test_a_key_works_in_either_header_and_nowhere_else(
    anonymous: httpx.AsyncClient, app: App
) -> None:
    path, key = "/api/v1/info", app.admin_key
    assert (await anonymous.get(path, headers={"x-api-key": key})).status_code == 200
    assert (await anonymous.get(path, headers={"authorization": f"bearer {key}"})).is_success
    assert (await anonymous.get(path, headers={"authorization": f"Basic {key}"})).is_error
    assert (await anonymous.get(path, params={"key": key})).status_code == 401


async def test_every_scope_and_role_opens_exactly_its_routes(
    anonymous: httpx.AsyncClient, app: App, keys: Keys
) -> None:
    holders = [(role, frozenset({scope})) for role in Role for scope in Scope]
    made = {holder: await keys.make(*holder) for holder in holders}
    nothing = await keys.make(Role.OWNER, frozenset())
    for route in GUARDED:
        policy = policy_of(route.endpoint)
        for (role, scopes), key in made.items():
            allowed = policy.scope is None or (
                (policy.scope in scopes or Scope.ADMIN in scopes) and role >= policy.role
            )
            if allowed and route.name in SIGNS_OUT:
                continue
            reply = await call(anonymous, route, missing(), key)
            assert (reply.status_code != 403) == allowed, (route.name, role, scopes, reply.text)
        if policy.scope is not None:
            assert (await call(anonymous, route, missing(), nothing)).status_code == 403


async def test_a_foreign_thing_looks_exactly_like_a_missing_one(
    anonymous: httpx.AsyncClient, app: App, keys: Keys, other_tenant: TenantId
) -> None:
    own = await things_of(anonymous, app, app.admin_key)
    stranger = await keys.make(tenant=other_tenant)
    colleague = await keys.make()
    for route in NAMED:
        absent = missing()
        foreign = await call(anonymous, route, own, stranger)
        never = await call(anonymous, route, absent, stranger)
        status = 403 if policy_of(route.endpoint).installation else 404
        assert foreign.status_code == never.status_code == status, (route.name, foreign.text)
        hidden = re.compile("|".join([*as_list(own), *as_list(absent), "[0-9a-f]{32}"]))
        assert hidden.sub("", foreign.text) == hidden.sub("", never.text)
        if PRIVATE.search(route.path):
            mine = await call(anonymous, route, own, colleague)
            assert mine.status_code == 404, "it belongs to its user, not to its tenant"


def as_list(things: Things) -> list[str]:
    return [getattr(things, field) for field in Things.__slots__]


async def test_ids_in_bodies_and_filters_do_not_reach_into_another_tenant(
    anonymous: httpx.AsyncClient, app: App, keys: Keys, other_tenant: TenantId
) -> None:
    own = await things_of(anonymous, app, app.admin_key)
    stranger = {"authorization": f"Bearer {await keys.make(tenant=other_tenant)}"}
    for path, body in (
        ("/query", {"input": "Canary?", "collections": [own.collection_id]}),
        ("/api/v1/search", {"query": "Canary?", "collections": [own.collection_id]}),
        ("/api/v1/api-keys", {"name": "k", "scopes": ["search"], "user": own.user_id}),
        ("/api/v1/privacy/exports", {"person": own.user_id}),
        ("/api/v1/privacy/erasures", {"person": own.user_id}),
    ):
        reply = await anonymous.post(path, json=body, headers=stranger)
        assert reply.status_code == 404
        assert "Canary" not in reply.text
    listed = await anonymous.get(
        "/api/v1/documents", params={"collection": own.collection_id}, headers=stranger
    )
    assert listed.status_code == 404
    reply = await anonymous.post(
        "/api/v1/search",
        json={"query": "Canary?", "filter": {"document_id": own.document_id}},
        headers=stranger,
    )
    assert reply.json()["passages"] == []


async def test_a_stranger_is_refused_before_a_byte_of_the_body_is_read(api: FastAPI) -> None:
    """Without a credential no route asks for its body, however it is announced."""
    for route in GUARDED:
        asked = 0

        async def receive() -> Message:
            nonlocal asked
            asked += 1
            return {"type": "http.request", "body": b"[" * 65536, "more_body": True}

        send, sent = recorder()

        (method,) = route.methods or set()
        scope = {
            "type": "http",
            "method": method,
            "path": route.path.replace("{", "").replace("}", ""),
            "raw_path": b"/",
            "query_string": b"nonsense=1",
            "scheme": "http",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
            "headers": [
                (b"host", b"localhost"),
                (b"content-type", b"multipart/form-data; boundary=x"),
                (b"content-length", b"99999999999999"),
            ],
        }
        await api(scope, receive, send)
        assert sent[0]["status"] == 401, route.name
        assert asked == 0, route.name


def recorder() -> tuple[Send, list[Message]]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    return send, sent


@pytest.fixture
async def browser(anonymous: httpx.AsyncClient, app: App) -> httpx.AsyncClient:
    """A client that is signed in by a cookie alone."""
    reply = await anonymous.get("/signin", params={"code": app.accounts.issue_code()})
    assert reply.status_code == 303
    assert reply.headers["location"] == "/"
    cookie = reply.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    return anonymous


async def test_a_sign_in_link_works_once(anonymous: httpx.AsyncClient, app: App) -> None:
    code = app.accounts.issue_code()
    assert (await anonymous.get("/signin", params={"code": code})).status_code == 303
    assert (await anonymous.get("/api/v1/info")).status_code == 200
    again = await anonymous.get("/signin", params={"code": code})
    assert again.status_code == 303, "a browser that is signed in is led home"
    anonymous.cookies.clear()
    assert (await anonymous.get("/signin", params={"code": code})).status_code == 401


async def test_a_key_opens_a_session_that_signing_out_ends(
    anonymous: httpx.AsyncClient, app: App
) -> None:
    assert (await anonymous.post("/signin", json={"key": "x" * 43})).status_code == 401
    assert (await anonymous.post("/signin", json={"key": app.admin_key})).status_code == 204
    session = anonymous.cookies["citewell_session"]
    assert session != app.admin_key
    assert (await anonymous.get("/api/v1/info")).status_code == 200
    own = {"sec-fetch-site": "same-origin"}
    assert (await anonymous.post("/signout", headers=own)).status_code == 204
    bearer = {"authorization": f"Bearer {session}"}
    assert (await anonymous.get("/api/v1/info", headers=bearer)).status_code == 401
    assert (await app.accounts.authenticate(app.admin_key)).role is Role.OWNER


SENDERS: list[Any] = [
    ({"sec-fetch-site": "same-origin"}, True),
    ({"origin": "http://localhost"}, True),
    ({"origin": "http://localhost", "sec-fetch-site": "same-origin"}, True),
    ({}, False),
    ({"sec-fetch-site": "cross-site"}, False),
    ({"sec-fetch-site": "same-site"}, False),
    ({"sec-fetch-site": "none"}, False),
    ({"origin": "http://localhost", "sec-fetch-site": "cross-site"}, False),
    ({"origin": "http://evil.example", "sec-fetch-site": "same-origin"}, False),
    ({"origin": "null"}, False),
    ({"origin": "http://localhost:81"}, False),
    ({"origin": "https://localhost"}, False),
    ({"origin": "http://localhost.evil.example"}, False),
    ({"origin": "http://localhost@evil.example"}, False),
    ({"origin": "http://user@localhost"}, False),
    ({"origin": "http://LOCALHOST"}, True),
]


async def test_a_cookie_changes_something_only_for_our_own_page(browser: httpx.AsyncClient) -> None:
    for headers, passes in SENDERS:
        reply = await browser.post(
            "/api/v1/collections", json={"name": uuid4().hex}, headers=headers
        )
        assert reply.status_code == (201 if passes else 403), reply.text


def test_every_policy_with_a_role_has_a_scope() -> None:
    policies: list[Policy] = [policy_of(route.endpoint) for route in GUARDED]
    assert all(policy.scope is not None or policy.role is Role.VIEWER for policy in policies)


async def test_metrics_are_for_this_machine_or_an_administrator(
    anonymous: httpx.AsyncClient, app: App, keys: Keys
) -> None:
    assert (await anonymous.get("/metrics")).status_code == 200
    proxied = {"x-forwarded-for": "203.0.113.9"}
    assert (await anonymous.get("/metrics", headers=proxied)).status_code == 401
    reader = await keys.make(Role.OWNER, frozenset({Scope.SEARCH}))
    narrow = proxied | {"authorization": f"Bearer {reader}"}
    assert (await anonymous.get("/metrics", headers=narrow)).status_code == 403
    full = proxied | {"authorization": f"Bearer {app.admin_key}"}
    reply = await anonymous.get("/metrics", headers=full)
    assert "citewell_http_requests_total" in reply.text
