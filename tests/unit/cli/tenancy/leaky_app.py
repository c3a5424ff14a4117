"""A small server of two tenants that keeps them apart, but for the leaks that a test asks for."""

import base64
import io
import json
import zipfile
from collections.abc import Collection, Mapping
from typing import Annotated, Any

from fastapi import FastAPI, Header, WebSocket
from fastapi.responses import JSONResponse, Response
from starlette.requests import HTTPConnection

from citewell.cli.tenancy.cast import Carrier, Cast, Kind, Person, Tenant, missing
from tests.unit.cli.tenancy.schemas import Decision, Search

KINDS = {Kind.DOCUMENT: "documents", Kind.EXPORT: "exports", Kind.RUN: "runs"}
PERSONAL = (Kind.RUN, Kind.CONVERSATION)
PROBLEM = "application/problem+json"


def make_cast() -> Cast:
    """Two tenants with a document, runs and exports, all of it known to nobody else."""
    return Cast(make_tenant("a"), make_tenant("b"), person_of("operator"))


def person_of(name: str) -> Person:
    return Person({carrier: f"{name}-{carrier.value}" for carrier in Carrier})


def make_tenant(name: str) -> Tenant:
    tenant = Tenant()
    for role in ("owner", "viewer", "narrow", "colleague"):
        setattr(tenant, role, person_of(f"{name}-{role}"))
    for person in (tenant.owner, tenant.viewer, tenant.colleague):
        person.things = {kind: missing(kind) for kind in (*PERSONAL, Kind.EXPORT)}
        person.things[Kind.REQUEST_KEY] = missing(Kind.REQUEST_KEY)
        tenant.marks |= set(person.things.values())
    tenant.owner.things[Kind.DOCUMENT] = missing(Kind.DOCUMENT)
    tenant.owner.things[Kind.WORD] = tenant.word()
    tenant.owner.things[Kind.COLLECTION] = missing(Kind.COLLECTION)
    tenant.colleague.things[Kind.WORD] = tenant.word(Kind.RUN)
    tenant.marks |= set(tenant.owner.things.values())
    return tenant


class House:
    """Who may see what, and what is seen in spite of that."""

    def __init__(self, cast: Cast, leaks: Collection[str]) -> None:
        self.cast, self.leaks = cast, leaks

    def caller(self, connection: HTTPConnection) -> tuple[Tenant, Tenant, Person] | None:
        headers = connection.headers
        said = headers.get("authorization", "").removeprefix("Bearer ")
        said = said or headers.get("x-api-key", "")
        said = said or connection.cookies.get("citewell_session", "")
        ours, theirs = self.cast.ours, self.cast.theirs
        for home, other in ((ours, theirs), (theirs, ours)):
            for one in (home.owner, home.viewer, home.narrow, home.colleague):
                if said in one.credentials.values():
                    return home, other, one
        return None

    def leaks_to(self, connection: HTTPConnection, leak: str) -> bool:
        only_cookies = "only with a cookie" in self.leaks
        return leak in self.leaks and (not only_cookies or "cookie" in connection.headers)

    def is_theirs(self, home: Tenant, person: Person, kind: Kind, thing: str) -> bool:
        own = {person.things.get(kind), home.owner.things.get(kind)}
        if kind is Kind.EXPORT and person is home.owner:
            own.add(home.colleague.things[kind])
        if kind in PERSONAL and person not in (home.owner, home.narrow):
            own = {person.things.get(kind)}
        return thing in own

    def look(self, connection: HTTPConnection, kind: Kind, thing: str) -> Response | None:
        """A refusal, or None when the caller may have the thing."""
        known = self.caller(connection)
        if known is None:
            given_away = "nobody hears a word" in self.leaks
            return problem(401, self.word() if given_away else "Who are you?")
        home, other, person = known
        if self.is_theirs(home, person, kind, thing):
            return None
        is_colleagues = kind is Kind.RUN and thing == home.colleague.things[kind]
        if is_colleagues and "a colleague's run" in self.leaks:
            return None
        if self.is_theirs(other, other.owner, kind, thing):
            return self.of_a_foreign_one(connection, other, kind)
        return problem(404, f"No {kind.value} {thing}.")

    def of_a_foreign_one(self, connection: HTTPConnection, other: Tenant, kind: Kind) -> Response:
        honest = problem(404, f"No {kind.value} {missing(kind)}.")
        if kind is not Kind.DOCUMENT:
            return honest
        word = other.owner.things[Kind.WORD]
        instead = {
            "a foreign thing is found": JSONResponse({"text": ""}),
            "a word in an error": problem(404, f"No document; it says {word}."),
            "a word in a header": problem(404, f"No document {missing(kind)}.", {"x-title": word}),
            "another status": problem(403, "This is not yours."),
            "other words": problem(404, "No document of yours."),
            "another header": problem(404, f"No document {missing(kind)}.", {"etag": "1"}),
        }
        asked = (leak for leak in instead if self.leaks_to(connection, leak))
        return instead.get(next(asked, ""), honest)

    def word(self) -> str:
        return self.cast.theirs.owner.things[Kind.WORD]


def make_app(cast: Cast, leaks: Collection[str] = ()) -> FastAPI:
    """The server; its OpenAPI document says what it takes."""
    app, house = FastAPI(), House(cast, leaks)

    @app.middleware("http")
    async def keep_out(request: Any, go_on: Any) -> Response:
        if request.url.path != "/openapi.json" and house.caller(request) is None:
            given_away = "nobody hears a word" in leaks
            return problem(401, house.word() if given_away else "Who are you?")
        return await go_on(request)  # type: ignore[no-any-return]

    add_things(app, house)
    add_list(app, house)
    add_bodies(app, house)
    add_socket(app, house)
    for path in app.openapi()["paths"].values():
        for operation in path.values():
            operation["security"] = [{"key": []}]
    return app


def add_things(app: FastAPI, house: House) -> None:
    @app.get("/documents/{document_id}", operation_id="get_document")
    async def get_document(document_id: str, request: HTTPConnection) -> Any:
        return house.look(request, Kind.DOCUMENT, document_id) or {"text": "A document."}

    @app.get("/runs/{run_id}", operation_id="get_run")
    async def get_run(run_id: str, request: HTTPConnection) -> Any:
        return house.look(request, Kind.RUN, run_id) or {"state": "ended"}

    @app.get("/exports/{export_id}/content", operation_id="fetch_export")
    async def fetch_export(export_id: str, request: HTTPConnection) -> Any:
        refusal = house.look(request, Kind.EXPORT, export_id)
        if refusal is not None:
            return refusal
        known = house.caller(request)
        assert known is not None
        home, other, _ = known
        text = home.owner.things[Kind.WORD]
        if "a word in an export" in house.leaks:
            text += other.owner.things[Kind.WORD]
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("runs.json", json.dumps([text]))
        return Response(content.getvalue(), media_type="application/zip")


def add_list(app: FastAPI, house: House) -> None:
    @app.get("/documents", operation_id="list_documents")
    async def list_documents(request: HTTPConnection, cursor: str = "", q: str = "") -> Any:
        known = house.caller(request)
        assert known is not None
        home, other, _ = known
        own, foreign = home.owner.things, other.owner.things
        is_felt = "a foreign word is felt" in house.leaks and q == foreign[Kind.WORD]
        items = [own[Kind.DOCUMENT]] if not q or is_felt else []
        if "a list holds an id" in house.leaks:
            items.append(foreign[Kind.DOCUMENT])
        if cursor and "a cursor leads over" in house.leaks:
            items = [foreign[Kind.DOCUMENT]]
        place = foreign if "a word in a cursor" in house.leaks else own
        after = base64.urlsafe_b64encode(place[Kind.WORD].encode()).decode()
        return {"items": items, "next_cursor": after}


def add_bodies(app: FastAPI, house: House) -> None:
    @app.post("/search", operation_id="search")
    async def search(body: Search, request: HTTPConnection) -> Any:
        known = house.caller(request)
        assert known is not None
        _, other, _ = known
        named = body.filter.get("document_id")
        is_foreign = named == other.owner.things[Kind.DOCUMENT]
        found = ["A passage."] if is_foreign and "a filter is felt" in house.leaks else []
        return {"passages": found}

    @app.put("/decisions", operation_id="decide")
    async def decide(
        body: Decision, idempotency_key: Annotated[str | None, Header()] = None
    ) -> Any:
        foreign = {t.owner.things[Kind.REQUEST_KEY] for t in (house.cast.ours, house.cast.theirs)}
        if idempotency_key in foreign and "a key of a request is felt" in house.leaks:
            return problem(422, "This key was used with another body.")
        return {"given": body.given}


def add_socket(app: FastAPI, house: House) -> None:
    @app.websocket("/ws")
    async def serve(websocket: WebSocket) -> None:
        known = house.caller(websocket)
        if known is None:
            await websocket.send_denial_response(problem(401, "Who are you?"))
            return
        await websocket.accept()
        async for command in websocket.iter_json():
            for frame in said_to(house, known, command):
                await websocket.send_json(frame)


def said_to(
    house: House, known: tuple[Tenant, Tenant, Person], command: Mapping[str, Any]
) -> list[dict[str, Any]]:
    home, other, person = known
    echo = {"id": command["id"]}
    is_foreign = command.get("run") == other.owner.things[Kind.RUN]
    match command["op"]:
        case "ping":
            return [{"pong": True, **echo}]
        case "start":
            is_own = set(command.get("collections", [])) <= {home.owner.things[Kind.COLLECTION]}
            within = command.get("conversation")
            is_own &= within is None or house.is_theirs(home, person, Kind.CONVERSATION, within)
            return [{"run": missing(Kind.RUN), **echo} if is_own else refusal(echo, "No such.")]
        case "unsub":
            told = is_foreign and "leaving is felt" in house.leaks
            return [refusal(echo, "You do not follow it.")] if told else []
    may = house.is_theirs(home, person, Kind.RUN, command["run"])
    is_followed = command["op"] == "sub" and is_foreign
    if may or (is_followed and "a foreign run is followed" in house.leaks):
        return [{"run": command["run"], "seq": 0, "event": {"type": "RUN_STARTED"}}]
    astray = {"run": 1, "seq": 0, "event": {"text": other.owner.things[Kind.WORD]}}
    goes = command["op"] == "sub" and "an event goes astray" in house.leaks
    return [*([astray] if goes else []), refusal(echo, "No run.")]


def refusal(echo: Mapping[str, str], detail: str) -> dict[str, Any]:
    return {"error": {"code": "not_found", "detail": detail}, **echo}


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    content = {"status": status, "detail": detail}
    return JSONResponse(content, status, headers, media_type=PROBLEM)
