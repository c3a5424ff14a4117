"""Hostile text in every field that takes text: kept exactly or refused, never a server error."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from tests.api.conftest import shared
from tests.conftest import Counted

pytestmark = pytest.mark.long

DOCUMENTS = "/api/v1/collections/default/documents"
NO_TEXT = "00000000-0000-0000-0000-000000000000"
# A kind that the framework checks before anybody of ours sees the text.
CHECKED = ("format", "enum")
PART, SMALL_PART = 8, 4
JSON = {"content-type": "application/json"}
HEADERS = (
    "authorization", "x-api-key", "cookie", "origin", "sec-fetch-site", "x-request-id", "accept",
    "content-type", "idempotency-key", "if-match", "last-event-id", "traceparent", "range",
)  # fmt: skip


def naughty() -> list[str]:
    """All of the public list."""
    strings: list[str] = json.loads((shared("security") / "naughty-strings/blns.json").read_text())
    assert len(strings) == 515
    return strings


@pytest.fixture
def drawn(seed: int, storm: bool) -> list[str]:
    """All of them in storm, a part that differs from run to run otherwise."""
    return naughty() if storm else naughty()[seed % SMALL_PART :: SMALL_PART]


@dataclass(frozen=True, slots=True)
class Field:
    """One place of one operation where a text may be put."""

    method: str
    path: str
    place: str
    name: str
    body: Mapping[str, Any]

    async def send(self, client: httpx.AsyncClient, text: str) -> httpx.Response:
        params = {self.name: text} if self.place == "query" else {}
        return await client.request(
            self.method,
            self._address(text),
            params=params,
            content=self._body(text),
            headers=JSON if self.body or self.place == "body" else {},
        )

    def _address(self, text: str) -> str:
        pieces = []
        for piece in self.path.split("/"):
            filled = NO_TEXT if piece.startswith("{") else piece
            mine = self.place == "path" and piece == f"{{{self.name}}}"
            pieces.append(quote(text, safe="") if mine else filled)
        return "/".join(pieces)

    def _body(self, text: str) -> bytes | None:
        if self.place != "body":
            return json.dumps(self.body).encode() if self.body else None
        known = {"tags": [text], "collections": [text], "filter": {text: [text], "title": text}}
        value = known.get(self.name, {text: text} if self.name == "metadata" else text)
        return json.dumps({**self.body, self.name: value}).encode()


def fields(document: Mapping[str, Any]) -> Iterator[Field]:
    """Every place of the contract that takes a text."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            schemas = bodies_of(document, operation)
            needed = dict.fromkeys(schemas[0].get("required", []), "x")
            for parameter in operation.get("parameters", []):
                kind = parameter["schema"]
                text = kind.get("type") == "string" and not any(name in kind for name in CHECKED)
                if text and parameter["in"] != "header":
                    yield Field(method, path, parameter["in"], parameter["name"], needed)
            for schema in schemas:
                needed = dict.fromkeys(schema.get("required", []), "x")
                for name in schema.get("properties", {}):
                    yield Field(method, path, "body", name, needed)


def bodies_of(
    document: Mapping[str, Any], operation: Mapping[str, Any]
) -> Sequence[Mapping[str, Any]]:
    """The shapes that a body may have."""
    content = operation.get("requestBody", {}).get("content", {})
    schema: dict[str, Any] = content.get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    kinds: list[dict[str, Any]] = schema.get("anyOf", [schema])
    return kinds


async def test_no_hostile_text_in_any_field_is_a_server_error(
    unhurried: httpx.AsyncClient,
    api: FastAPI,
    seed: int,
    storm: bool,
    record_property: Counted,
) -> None:
    sent = 0
    places = list(fields(api.state.openapi))
    assert len({(one.method, one.path) for one in places}) >= 14
    strings = naughty()
    for number, place in enumerate(places):
        # Every string meets every field in storm; here each field a part, all of them together.
        drawn = strings if storm else strings[(seed + number) % PART :: PART]
        for text in drawn:
            reply = await place.send(unhurried, text)
            sent += 1
            assert reply.status_code < 500, (place, text, reply.text)
    record_property("requests", sent)


async def test_half_of_a_surrogate_pair_is_refused_in_every_field(
    unhurried: httpx.AsyncClient, api: FastAPI
) -> None:
    """No encoder could write it, and serializers fall back to worse ones because of it."""
    bodies = [one for one in fields(api.state.openapi) if one.place == "body"]
    assert len(bodies) > 30
    for place in bodies:
        for text in ("\ud800", "a\udfffb", "\udd1e\ud834"):
            reply = await place.send(unhurried, text)
            assert 400 <= reply.status_code < 500, (place, text, reply.text)


async def test_no_hostile_header_is_a_server_error(
    unhurried: httpx.AsyncClient, drawn: list[str]
) -> None:
    for name in HEADERS:
        for text in drawn:
            value = text.encode("utf-8").replace(b"\r", b"").replace(b"\n", b"")
            reply = await unhurried.get("/api/v1/info", headers=[(name.encode(), value)])
            assert reply.status_code < 500, (name, text, reply.text)


async def test_a_hostile_name_of_a_collection_comes_back_exactly_or_is_refused(
    unhurried: httpx.AsyncClient, drawn: list[str]
) -> None:
    kept = 0
    for text in drawn:
        reply = await unhurried.post(
            "/api/v1/collections", json={"name": text, "description": text}
        )
        if reply.status_code == 409:
            assert reply.json()["code"] == "conflict"
            continue
        if reply.status_code == 422:
            continue
        shown = (await unhurried.get(f"/api/v1/collections/{reply.json()['id']}")).json()
        assert (shown["name"], shown["description"]) == (text, text)
        kept += 1
    assert kept > 0.78 * len(drawn)


async def test_hostile_titles_tags_and_metadata_come_back_exactly_or_are_refused(
    unhurried: httpx.AsyncClient, drawn: list[str]
) -> None:
    made = (await unhurried.post(DOCUMENTS, json={"text": "Text.", "title": "T"})).json()
    address = f"/api/v1/documents/{made['document']['id']}"
    kept = 0
    for text in drawn:
        change = {"title": text, "tags": [text], "metadata": {text or "k": [text, {text: text}]}}
        alone = [{name: value} for name, value in change.items()]
        together = (await unhurried.patch(address, json=change)).status_code == 200
        for sent in [change] if together else alone:
            reply = await unhurried.patch(address, json=sent)
            assert reply.status_code in {200, 422}, (sent, reply.text)
            if reply.status_code == 200:
                kept += len(sent)
                shown = (await unhurried.get(address)).json()
                # Without a title, the file name is one.
                assert {name: shown[name] or "T.txt" for name in sent} == {
                    name: value or "T.txt" for name, value in sent.items()
                }
    assert kept > 2.7 * len(drawn)


async def test_a_hostile_text_is_given_back_byte_for_byte(
    unhurried: httpx.AsyncClient, drawn: list[str]
) -> None:
    sent = {}
    for text in drawn:
        reply = await unhurried.post(DOCUMENTS, json={"text": text or " ", "title": text})
        assert reply.status_code in {202, 422}, (text, reply.text)
        if reply.status_code == 202:
            sent[reply.json()["document"]["id"]] = text or " "
    assert len(sent) > 0.87 * len(drawn)
    for document, text in sent.items():
        reply = await unhurried.get(f"/api/v1/documents/{document}/original")
        assert reply.content == text.encode("utf-8")


async def test_a_hostile_question_is_kept_as_it_was_asked(
    unhurried: httpx.AsyncClient, drawn: list[str]
) -> None:
    await unhurried.post(DOCUMENTS, json={"text": "Text."})
    kept = 0
    for text in drawn:
        reply = await unhurried.post("/query", json={"input": text})
        assert reply.status_code in {200, 422}, (text, reply.text)
        if reply.status_code == 200:
            run = (await unhurried.get(f"/api/v1/runs/{reply.json()['run_id']}")).json()
            assert run["request"]["text"] == text.strip(), text
            kept += 1
    assert kept > 0.93 * len(drawn)


async def test_json_that_parsers_disagree_about_is_read_strictly_or_refused(
    unhurried: httpx.AsyncClient,
) -> None:
    folder = shared("security") / "json-parsing" / "test_parsing"
    files = sorted(folder.glob("*.json"))
    assert len(files) > 150
    for path in files:
        for address in ("/api/v1/search", "/query", DOCUMENTS):
            body = b'{"query": "x", "filter": {"title": ' + path.read_bytes() + b"}}"
            reply = await unhurried.post(address, content=path.read_bytes(), headers=JSON)
            assert reply.status_code == 422, (path.name, reply.status_code)
            reply = await unhurried.post(address, content=body, headers=JSON)
            assert reply.status_code in {200, 422}, (path.name, reply.status_code)
            if path.name.startswith("n_"):
                assert reply.status_code == 422, path.name


async def test_hostile_words_in_a_form_are_kept_exactly_or_refused(
    unhurried: httpx.AsyncClient, drawn: list[str]
) -> None:
    kept = 0
    for number, text in enumerate(drawn):
        form = {"title": text, "metadata": json.dumps({"k": text})}
        reply = await unhurried.post(
            DOCUMENTS, data=form, files={"file": ("a.txt", f"Text {number}.".encode())}
        )
        assert reply.status_code in {202, 422}, (text, reply.text)
        if reply.status_code == 202:
            shown = reply.json()["document"]
            assert shown["title"] == (text or "a.txt")
            assert shown["metadata"] == {"k": text}
            kept += 1
    assert kept > len(drawn) * 0.9
