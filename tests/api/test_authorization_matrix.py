"""Every route × every kind of caller × every kind of thing × every way to carry a credential.

The cells come from the live list of routes and from the policies that they declare; what a cell
must answer follows from the policy alone. A thing of somebody else is not found, never forbidden.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from citewell.api.guard import GuardedRoute, policy_of
from citewell.bootstrap import App
from citewell.config import Settings
from citewell.domain.ids import DEFAULT_TENANT, TenantId
from citewell.domain.passages import SearchQuery
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage import database as storage
from citewell.storage.transaction import Transaction, enter
from citewell.storage.vault import Vault
from tests.api.conftest import EVERYTHING, Keys, work_off
from tests.api.test_authorization import (
    BODIES,
    GUARDED,
    NAMED,
    PRIVATE,
    SIGNS_OUT,
    Things,
    missing,
    things_of,
)
from tests.conftest import Counted

pytestmark = pytest.mark.long

CELLS, STORM_CELLS = 3000, 12_000
# Of the cells of each route: all of them in storm, and all of them in this many runs.
PART = 4
CANARY = "Canary"
QUESTIONS, STORM_QUESTIONS = 300, 10_000
BEARER, X_API_KEY, COOKIE = "bearer", "x-api-key", "cookie"
CARRIERS = (BEARER, X_API_KEY, COOKIE)
# Ways that are none: a credential in an address ends up in logs and histories.
NO_CARRIERS = ("query", "basic", "body")
OWN, COLLEAGUE, FOREIGN, MISSING, MALFORMED = "own", "colleague", "foreign", "missing", "malformed"
MATRIX = [route for route in GUARDED if route.name not in SIGNS_OUT]
OBJECTS = (OWN, COLLEAGUE, FOREIGN, MISSING, MALFORMED)


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal of the matrix; without a role nobody who is known."""

    name: str
    key: str | None
    role: Role | None = None
    scopes: frozenset[Scope] = EVERYTHING

    def may(self, route: GuardedRoute) -> bool:
        policy = policy_of(route.endpoint)
        if policy.scope is None:
            return True
        held = policy.scope in self.scopes or Scope.ADMIN in self.scopes
        return held and self.role is not None and self.role >= policy.role


async def callers(keys: Keys, app: App) -> list[Caller]:
    admin = app.admin_key
    nobody = {
        "anonymous": None,
        "empty": "",
        "garbage": "cw_" + "A" * 43,
        "truncated": admin[:-1],
        "longer": admin + "A",
        "revoked": await keys.make_revoked(),
        "swapped case": admin.swapcase(),
    }
    known = [Caller(r.name, await keys.make(r), r) for r in Role]
    for scope in Scope:
        only = frozenset({scope})
        known += [
            Caller(f"{role.name} with {scope}", await keys.make(role, only), role, only)
            for role in (Role.VIEWER, Role.OWNER)
        ]
    nothing: frozenset[Scope] = frozenset()
    known.append(Caller("no scope", await keys.make(Role.OWNER, nothing), Role.OWNER, nothing))
    return [Caller(name, key) for name, key in nobody.items()] + known


def request_of(route: GuardedRoute, things: Things, key: str | None, carrier: str) -> httpx.Request:
    path = route.path
    for name, value in {"name": "app.js", **asdict(things)}.items():
        path = path.replace("{" + name + "}", value).replace("{" + name + ":path}", value)
    assert "{" not in path, f"The matrix does not know what {path} names."
    carried = {} if key is None else carried_by(carrier, key)
    body = BODIES.get(route.name)
    if "json" in carried:
        body = {**(body or {}), **carried["json"]}
    (method,) = route.methods or set()
    headers = {"sec-fetch-site": "same-origin", **carried.get("headers", {})}
    params = carried.get("params")
    return httpx.Request(
        method, f"http://localhost{path}", params=params, headers=headers, json=body
    )


def carried_by(carrier: str, key: str) -> dict[str, dict[str, str]]:
    """The parts of a request that carry a credential in this way."""
    return {
        BEARER: {"headers": {"authorization": f"Bearer {key}"}},
        X_API_KEY: {"headers": {"x-api-key": key}},
        COOKIE: {"headers": {"cookie": f"citewell_session={key}"}},
        "basic": {"headers": {"authorization": f"Basic {key}"}},
        "query": {"params": dict.fromkeys(("key", "token", "access_token", "api_key"), key)},
        "body": {"json": {"key": key, "token": key}},
    }[carrier]


def is_as_declared(route: GuardedRoute, caller: Caller, thing: str, status: int) -> bool:
    if caller.role is None:
        return status == 401
    if not caller.may(route):
        return status == 403
    if thing == MALFORMED:
        return status in {404, 422}
    return is_as_found(route, caller.role, thing, status)


def is_as_found(route: GuardedRoute, role: Role, thing: str, status: int) -> bool:
    """For a caller who may call this route, of what they name in it."""
    reaches_all = policy_of(route.endpoint).installation
    if thing == MISSING or (thing == FOREIGN and not reaches_all):
        return status == 404
    if thing == COLLEAGUE and PRIVATE.search(route.path):
        return status == 404
    if thing == COLLEAGUE and "key_id" in route.path and role < Role.OWNER:
        # A key is its owner's; who administers hers needs a role that is not below hers.
        return status == (403 if role is Role.ADMIN else 404)
    if "export_id" in route.path or "erasure_id" in route.path:
        # A person's own, and of those above; tests/unit/accounts/test_privacy.py tells them apart.
        return status in ({200, 409} if role is Role.OWNER else {200, 404, 409})
    return status not in {401, 403, 404} and status < 500


class Objects:
    """The things that cells name; what a cell may destroy is made for it alone."""

    def __init__(self, client: httpx.AsyncClient, app: App, foreign: str, colleague: str) -> None:
        self.client, self.app, self.colleague = client, app, colleague
        self.foreign = foreign
        self.kept: dict[str, Things] = {}

    async def open(self, known: Sequence[Caller]) -> "Objects":
        """Make what is kept, and read its documents, so that their texts are there."""
        self.kept = {
            FOREIGN: await things_of(self.client, self.app, self.foreign),
            COLLEAGUE: await things_of(self.client, self.app, self.colleague),
            MALFORMED: Things(*(["no-id"] * len(Things.__slots__))),
        }
        for caller in known:
            if caller.key and caller.role and is_writer(caller):
                self.kept[caller.key] = await things_of(self.client, self.app, caller.key)
        await work_off(self.app)
        return self

    async def of(self, kind: str, route: GuardedRoute, caller: Caller) -> Things:
        if kind == MISSING:
            return missing()
        if kind not in {OWN, COLLEAGUE}:
            return self.kept[kind]
        owner = caller.key if kind == OWN and is_writer(caller) and caller.role else None
        if "DELETE" in (route.methods or set()) and caller.may(route):
            return await things_of(self.client, self.app, owner or self.colleague)
        return self.kept[owner or COLLEAGUE]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Guesses from one address are limited; here all of them come from one."""
    limits = settings.limits.model_copy(update={"guesses_per_address": 100_000})
    return settings.model_copy(update={"limits": limits})


@pytest.fixture
async def known(app: App, keys: Keys) -> list[Caller]:
    return await callers(keys, app)


@pytest.fixture
async def objects(
    anonymous: httpx.AsyncClient,
    app: App,
    keys: Keys,
    other_tenant: TenantId,
    known: list[Caller],
) -> Objects:
    foreign = await keys.make(tenant=other_tenant)
    return await Objects(anonymous, app, foreign, await keys.make()).open(known)


async def test_every_cell_answers_as_the_policies_say(
    anonymous: httpx.AsyncClient,
    known: list[Caller],
    objects: Objects,
    seed: int,
    storm: bool,
    record_property: Counted,
) -> None:
    wrong: list[str] = []
    cells = 0
    for number, route in enumerate(MATRIX):
        every = [(caller, *way) for caller in known for way in ways(route, caller)]
        for caller, kind, carrier in every if storm else every[(seed + number) % PART :: PART]:
            things = await objects.of(kind, route, caller)
            reply = await anonymous.send(request_of(route, things, caller.key, carrier))
            cells += 1
            told = kind == FOREIGN and CANARY in reply.text
            if told or not is_as_declared(route, caller, kind, reply.status_code):
                cell = f"{route.name} × {caller.name} × {kind} × {carrier}"
                wrong.append(f"{cell}: {reply.status_code} {reply.text[:120]}")
    assert not wrong, f"{len(wrong)} of {cells} cells:\n" + "\n".join(wrong[:20])
    assert cells >= (STORM_CELLS if storm else CELLS)
    record_property("cells", cells)


def ways(route: GuardedRoute, caller: Caller) -> Iterator[tuple[str, str]]:
    """Kinds of things and carriers.

    A caller who makes no runs has no run of their own, nor a conversation or a key; and the events
    of one's own open run never end: tests/api/test_events.py reads them.
    """
    for kind in OBJECTS if route in NAMED else (OWN,):
        is_personal = PRIVATE.search(route.path) or "key_id" in route.path
        is_own = kind == OWN and is_personal
        if is_own and (not is_writer(caller) or route.path.endswith("/events")):
            continue
        for carrier in CARRIERS if caller.key else (BEARER,):
            yield kind, carrier


def is_writer(caller: Caller) -> bool:
    return caller.role is None or (
        caller.role >= Role.EDITOR and Scope.DOCUMENTS_WRITE in caller.scopes
    )


async def test_a_credential_in_an_address_a_body_or_as_a_password_opens_nothing(
    anonymous: httpx.AsyncClient, app: App, objects: Objects
) -> None:
    for route in GUARDED:
        for carrier in NO_CARRIERS:
            things = objects.kept[COLLEAGUE]
            reply = await anonymous.send(request_of(route, things, app.admin_key, carrier))
            assert reply.status_code == 401, (route.name, carrier, reply.text)
            assert CANARY not in reply.text


async def test_without_the_filters_the_rows_of_another_tenant_still_do_not_exist(
    anonymous: httpx.AsyncClient,
    app: App,
    objects: Objects,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every repository is told the victim's tenant; the caller's is the database's to know."""
    victim = objects.kept[COLLEAGUE]
    before = rows_of(postgres_url, DEFAULT_TENANT)
    entered = 0

    async def enter_blind(
        connection: AsyncConnection, who: Principal | TenantId, vault: Vault
    ) -> Transaction:
        nonlocal entered
        entered += 1
        return replace(await enter(connection, who, vault), tenant_id=DEFAULT_TENANT)

    monkeypatch.setattr(storage, "enter", enter_blind)
    for route in MATRIX:
        try:
            with capture_logs():
                reply = await anonymous.send(request_of(route, victim, objects.foreign, BEARER))
        except DBAPIError as refused:
            if "row-level security" not in str(refused):
                raise
            continue
        assert CANARY not in reply.text, (route.name, reply.text)
        if route in NAMED:
            assert not reply.is_success, (route.name, reply.text)
    monkeypatch.undo()
    assert entered > len(NAMED)
    assert rows_of(postgres_url, DEFAULT_TENANT) == before


def rows_of(url: str, tenant: TenantId) -> Mapping[str, Any]:
    """The rows that requests could have changed, as the owner of the database sees them."""
    tables = (
        "collections", "documents", "document_versions", "jobs", "runs", "conversations", "users",
        "memberships", "collection_shares", "memories", "mcp_servers",
    )  # fmt: skip
    with psycopg.connect(url) as connection:
        return {
            table: connection.execute(
                f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY id)) FROM {table} t"
                " WHERE tenant_id = %s",
                [tenant],
            ).fetchone()
            for table in tables
        }


async def test_twins_in_two_tenants_never_find_each_others_passages(
    anonymous: httpx.AsyncClient,
    app: App,
    keys: Keys,
    other_tenant: TenantId,
    storm: bool,
    record_property: Counted,
) -> None:
    """The same documents, but for one word, and nearly the same questions, at the same time."""
    sides = {}
    for tenant, word in ((DEFAULT_TENANT, "cobalt"), (other_tenant, "crimson")):
        key = await keys.make(tenant=tenant)
        anonymous.headers["authorization"] = f"Bearer {key}"
        for number in range(5):
            text = f"Room {number} holds the {word} lamp. It was bought in {1990 + number}."
            added = await anonymous.post(
                "/api/v1/collections/default/documents", json={"title": f"R{number}", "text": text}
            )
            assert added.status_code == 202, added.text
        principal = await app.accounts.authenticate(key)
        collection = (await app.documents.collection(principal, "default")).id
        sides[word] = (principal, collection)
    await work_off(app)
    asked = 0
    for number in range((STORM_QUESTIONS if storm else QUESTIONS) // 2):
        for word, (principal, collection) in sides.items():
            other = "crimson" if word == "cobalt" else "cobalt"
            # Each asks for what only the other one has.
            query = SearchQuery(f"Which room has the {other} lamp, {number}?", (collection,))
            found = await app.retrieval.search(principal, query)
            assert found.passages
            assert all(word in p.text and other not in p.text for p in found.passages)
            asked += 1
    record_property("questions", asked)
