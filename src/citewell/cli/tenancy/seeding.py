"""Two tenants with everything that a tenant can have, made by the routes that everybody uses."""

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from citewell.cli.tenancy.calling import Line
from citewell.cli.tenancy.cast import (
    TEXT_START,
    Carrier,
    Cast,
    Kind,
    Person,
    Tenant,
    carried,
    new_word,
)
from citewell.cli.tenancy.scratch import Running
from citewell.cli.tenancy.walking import Fresh
from citewell.domain.errors import AppError, TimedOutError
from citewell.domain.memories import CONSENT
from citewell.domain.principal import Scope

API = "/api/v1"
SHARES = f"{API}/collections/{{collection_id}}/shares"
SETTLE_SECONDS = 60.0
LOOK_SECONDS = 0.05
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Where a person puts words of their own, and what the field is called.
_SAID = {Kind.CONVERSATION: ("/conversations", "title"), Kind.MEMORY: ("/memories", "text")}
_SESSIONS = "/me/sessions?limit=200"
_NARROW = (Scope.SEARCH, Scope.ASK, Scope.DOCUMENTS_READ)


@dataclass(slots=True)
class Hand:
    """Sends what a person asks for; every id in an answer is a mark of their tenant."""

    line: Line
    tenant: Tenant
    _used: set[tuple[str, str]] = field(default_factory=set)

    async def do(
        self, person: Person, method: str, path: str, base: str = API, **options: Any
    ) -> Mapping[str, Any]:
        """The answer's JSON; raises `AppError` for a refusal.

        A person's first request of a kind is made under their idempotency key.
        """
        headers = dict(carried(person, next(iter(person.credentials), None)))
        key, kind = person.things.get(Kind.REQUEST_KEY), _ID.sub("", path)
        if method == "POST" and key and (key, kind) not in self._used:
            self._used.add((key, kind))
            headers["idempotency-key"] = key
        reply = await self.line.send(method, base + path, headers=headers, **options)
        if not reply.is_success:
            raise AppError(f"Seeding failed: {method} {path} was answered {reply.text[:300]}")
        self.tenant.marks |= set(_ID.findall(reply.text))
        return reply.json() if reply.body else {}

    async def until(self, person: Person, path: str, name: str, ends: set[str]) -> Any:
        """What is there when its field `name` has one of these values."""
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                while True:
                    found = await self.do(person, "GET", path)
                    if found[name] in ends:
                        return found
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError as error:
            raise TimedOutError(f"{path} has not settled in {SETTLE_SECONDS:g} s.") from error

    async def equip(self, person: Person, secret: str) -> None:
        """Give a person everything that carries a credential."""
        reply = await self.line.send("POST", "/signin", json={"key": secret})
        if not reply.is_success:
            raise AppError(f"Seeding failed: POST /signin was answered {reply.text[:300]}")
        cookie = reply.cookie("citewell_session")
        person.credentials.setdefault(Carrier.BEARER, secret)
        person.credentials |= {Carrier.X_API_KEY: secret, Carrier.COOKIE: cookie}
        person.things[Kind.SECRET] = secret


async def seed(line: Line, running: Running, paths: Mapping[str, Any]) -> tuple[Cast, Fresh]:
    """Both tenants, and how to make more in them; `paths` are those of the live document."""
    operator = Person({Carrier.BEARER: running.admin_key}, {Kind.CODE: running.code})
    ours, theirs = (Hand(line, Tenant()) for _ in range(2))
    async with asyncio.TaskGroup() as group:
        for hand in (ours, theirs):
            group.create_task(_fill(hand, operator, has_shares=SHARES in paths))

    async def make(kind: Kind, person: Person) -> str:
        is_ours = person in (ours.tenant.owner, ours.tenant.colleague)
        return await fresh(ours if is_ours else theirs, kind, person)

    return Cast(ours.tenant, theirs.tenant, operator), make


async def _fill(hand: Hand, operator: Person, *, has_shares: bool) -> None:
    await _owner(hand, operator)
    await _people(hand)
    await _documents(hand)
    if has_shares:
        await _restricted(hand)
    async with asyncio.TaskGroup() as group:
        for person in (hand.tenant.owner, hand.tenant.viewer, hand.tenant.colleague):
            group.create_task(_personal(hand, person))
    await _whole_tenant(hand)


async def _owner(hand: Hand, operator: Person) -> None:
    """A tenant with its owner, signed in with a password."""
    tenant, owner = hand.tenant, hand.tenant.owner
    email, password = f"{tenant.word()}@example.org", secrets.token_urlsafe(18)
    first = {"email": email, "name": tenant.word(), "password": password}
    body = {"name": tenant.word(), "owner": first}
    made = await hand.do(operator, "POST", "/tenants", json=body)
    form = {"username": email, "password": password}
    owner.things |= {
        Kind.TENANT: made["id"], Kind.EMAIL: email, Kind.PASSWORD: password,
        Kind.REQUEST_KEY: new_word(),
    }  # fmt: skip
    tokens = await hand.do(Person(), "POST", "/auth/token", data=form)
    owner.credentials[Carrier.BEARER] = tokens["access_token"]
    owner.things[Kind.REFRESH] = tokens["refresh_token"]


async def _people(hand: Hand) -> None:
    """The others, each with a key of their own."""
    tenant, owner = hand.tenant, hand.tenant.owner
    named = tenant.word()
    key = await _key(hand, owner, named, tuple(Scope))
    owner.things[Kind.KEY_NAME] = named
    await hand.equip(owner, key["key"])
    narrow = await _key(hand, owner, tenant.word(), _NARROW)
    await hand.equip(tenant.narrow, narrow["key"])
    for person, role in ((tenant.viewer, "viewer"), (tenant.colleague, "editor")):
        member = await hand.do(owner, "POST", "/users", json={"name": tenant.word(), "role": role})
        key = await _key(hand, owner, tenant.word(), tuple(Scope), user=member["id"])
        person.things |= {Kind.USER: member["id"], Kind.REQUEST_KEY: new_word()}
        await hand.equip(person, key["key"])
    named = tenant.word()
    member = await _member(hand, named)
    owner.things |= {Kind.USER: member["id"], Kind.USER_NAME: named}


async def _documents(hand: Hand) -> None:
    """A collection with a text of its own and one that has a twin."""
    tenant, owner = hand.tenant, hand.tenant.owner
    name = tenant.word()
    body = {"name": name, "description": tenant.word()}
    made = await hand.do(owner, "POST", "/collections", json=body)
    owner.things |= {Kind.COLLECTION: made["id"], Kind.COLLECTION_NAME: name}
    path = f"/collections/{made['id']}/documents"
    word, twin = tenant.word(), f"{TEXT_START} {new_word()}"
    text = f"The {word} of this house is {tenant.word()}. Nobody else may read {tenant.word()}."
    file = (f"{tenant.word()}.txt", text.encode())
    fields = {"title": tenant.word(), "tags": tenant.word()}
    added = await hand.do(owner, "POST", path, files={"file": file}, data=fields)
    await hand.do(owner, "POST", path, json={"text": twin, "title": tenant.word()})
    owner.things |= await _settled(hand, owner, added)
    owner.things |= {Kind.WORD: word, Kind.TEXT: twin, Kind.JOB: added["job"]["id"]}


async def _restricted(hand: Hand) -> None:
    """A collection that only the colleague and those who administer may see."""
    tenant, owner, colleague = hand.tenant, hand.tenant.owner, hand.tenant.colleague
    word = tenant.word
    made = await hand.do(owner, "POST", "/collections", json={"name": word(Kind.COLLECTION)})
    path = f"/collections/{made['id']}"
    await hand.do(owner, "PATCH", path, json={"visibility": "restricted"})
    # By their role: the walk shares it with them by their id, for reading.
    share = {"role": "editor", "access": "write"}
    await hand.do(owner, "PUT", f"{path}/shares", json=share)
    text = {"text": f"It is {word(Kind.DOCUMENT)}.", "title": word(Kind.DOCUMENT)}
    added = await hand.do(colleague, "POST", f"{path}/documents", json=text)
    colleague.things |= await _settled(hand, colleague, added)
    colleague.things |= {Kind.COLLECTION: made["id"], Kind.JOB: added["job"]["id"]}
    owner.things[Kind.SHARE] = await fresh_share(hand, owner, owner.things[Kind.COLLECTION])


async def _personal(hand: Hand, person: Person) -> None:
    """A question with its run, a decision, a key and a copy of all that is stored about them."""
    tenant = hand.tenant
    is_private = person is tenant.colleague
    word = tenant.word(Kind.RUN if is_private else None)
    question = {
        "input": f"What is {tenant.owner.things[Kind.WORD]}, asks {word}?",
        "collections": [tenant.owner.things[Kind.COLLECTION]],
    }
    asked = await hand.do(person, "POST", "/query", base="", json=question)
    purpose = tenant.word(Kind.USER if is_private else None)
    decision = {"purpose": purpose, "version": "1", "given": True}
    await hand.do(person, "PUT", "/privacy/consents", json=decision)
    agreed = {"purpose": CONSENT, "version": "1", "given": True}
    await hand.do(person, "PUT", "/privacy/consents", json=agreed)
    fact = {"text": f"My word is {tenant.word(Kind.RUN if is_private else None)}."}
    memory = await hand.do(person, "POST", "/memories", json=fact)
    name = tenant.word(Kind.KEY if is_private else None)
    key = await _key(hand, person, name, (Scope.SEARCH,))
    export = await hand.do(person, "POST", "/privacy/exports", json={})
    await hand.until(person, f"/privacy/exports/{export['id']}", "state", {"ready"})
    person.things |= {
        Kind.CONVERSATION: asked["conversation_id"], Kind.RUN: asked["run_id"],
        Kind.MEMORY: memory["id"], Kind.KEY: key["id"], Kind.EXPORT: export["id"],
        Kind.SESSION: await fresh_session(hand, person),
    }  # fmt: skip


async def _whole_tenant(hand: Hand) -> None:
    """What belongs to nobody in it: an erasure, and a budget that no other tenant has."""
    owner = hand.tenant.owner
    leaves = await fresh(hand, Kind.USER, owner)
    erasure = await hand.do(owner, "POST", "/privacy/erasures", json={"person": leaves})
    owner.things[Kind.ERASURE] = erasure["id"]
    hand.tenant.marks.add(str(tokens := secrets.randbelow(9 * 10**13) + 10**13))
    await hand.do(owner, "PUT", "/budgets", json={"month": {"tokens": tokens}})
    owner.things[Kind.MCP_NAME] = hand.tenant.word()
    owner.things[Kind.MCP_SERVER] = await _mcp_server(hand, owner, owner.things[Kind.MCP_NAME])


async def fresh(hand: Hand, kind: Kind, person: Person) -> str:
    """The id of a new thing of this kind; raises `AppError` for one that nobody can make."""
    match kind:
        case Kind.USER:
            made = await _member(hand, hand.tenant.word())
        case Kind.KEY:
            made = await _key(hand, person, hand.tenant.word(), (Scope.SEARCH,))
        case Kind.COLLECTION:
            made = await hand.do(person, "POST", "/collections", json={"name": hand.tenant.word()})
        case Kind.DOCUMENT:
            path = f"/collections/{person.things[Kind.COLLECTION]}/documents"
            added = await hand.do(person, "POST", path, json={"text": hand.tenant.word()})
            made = added["document"]
        case Kind.CONVERSATION | Kind.MEMORY:
            path, field = _SAID[kind]
            made = await hand.do(person, "POST", path, json={field: hand.tenant.word()})
        case Kind.JOB | Kind.SESSION | Kind.MCP_SERVER:
            makers = {Kind.JOB: _failed_job, Kind.SESSION: fresh_session}
            return await makers.get(kind, _mcp_server)(hand, person)
        case Kind.SHARE:
            return await fresh_share(hand, person, person.things[Kind.COLLECTION])
        case _:
            raise AppError(f"The walk cannot make a {kind.value} to use up.")
    return str(made["id"])


async def _failed_job(hand: Hand, person: Person) -> str:
    """A job that can be tried again: its file cannot be read."""
    path = f"/collections/{person.things[Kind.COLLECTION]}/documents"
    broken = (f"{hand.tenant.word()}.pdf", f"%PDF-1.7 {hand.tenant.word()}".encode())
    refused = await hand.do(person, "POST", path, files={"file": broken})
    job = str(refused["job"]["id"])
    await hand.until(person, f"/jobs/{job}", "state", {"failed"})
    return job


async def fresh_session(hand: Hand, person: Person) -> str:
    """Come with a browser once more; the session that was not there before."""
    known = {one["id"] for one in (await hand.do(person, "GET", _SESSIONS))["items"]}
    body = {"key": person.things[Kind.SECRET]}
    await hand.do(Person(), "POST", "/signin", base="", json=body)
    found = await hand.do(person, "GET", _SESSIONS)
    return next(str(one["id"]) for one in found["items"] if one["id"] not in known)


async def fresh_share(hand: Hand, owner: Person, collection: str) -> str:
    """Share a collection with somebody new."""
    user = await fresh(hand, Kind.USER, owner)
    path = f"/collections/{collection}/shares"
    made = await hand.do(owner, "PUT", path, json={"user": user, "access": "read"})
    return str(made["id"])


async def _member(hand: Hand, name: str) -> Mapping[str, Any]:
    """Somebody who has an address and has never come."""
    body = {"name": name, "email": f"{hand.tenant.word()}@example.org"}
    return await hand.do(hand.tenant.owner, "POST", "/users", json=body)


async def _key(
    hand: Hand, person: Person, name: str, scopes: tuple[Scope, ...], user: str | None = None
) -> Mapping[str, Any]:
    body = {"name": name, "scopes": list(scopes), "user": user}
    return await hand.do(person, "POST", "/api-keys", json=body)


async def _mcp_server(hand: Hand, person: Person, name: str = "") -> str:
    """At an address of this machine, to which nothing is ever sent."""
    body = {"name": name or hand.tenant.word(), "url": "http://127.0.0.1/"}
    return str((await hand.do(person, "POST", "/mcp-servers", json=body))["id"])


async def _settled(hand: Hand, person: Person, added: Mapping[str, Any]) -> dict[Kind, str]:
    document = added["document"]["id"]
    found = await hand.until(person, f"/documents/{document}", "status", {"ready"})
    return {Kind.DOCUMENT: document, Kind.VERSION: found["version_id"]}
