"""What is refused, and how: problem details, hosts, headers, hostile values."""

import json
import re
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from structlog.testing import capture_logs

from citewell.api.limiting.counters import Counters
from citewell.api.limiting.rates import Rates
from citewell.bootstrap import App
from citewell.config import LimitSettings
from citewell.documents.service import Documents
from citewell.domain.principal import Principal
from tests.api.conftest import shared

REFUSALS: list[Any] = [
    ("GET", "/nothing", 404),
    ("GET", "/api/v1/nothing", 404),
    ("GET", "/ui/../config.py", 404),
    ("GET", "/ui/%2e%2e/config.py", 404),
    ("GET", "/ui/nothing.js", 404),
    ("DELETE", "/query", 405),
    ("PUT", "/api/v1/collections", 405),
    ("GET", "/query", 405),
    ("BREW", "/query", 405),
    ("GET", "/api/v1/collections/", 404),
    ("GET", "/api/v1/documents/not-an-id", 422),
    ("GET", "/api/v1/documents?limit=0", 422),
    ("GET", "/api/v1/documents?limit=201", 422),
    ("GET", "/api/v1/documents?limit=ten", 422),
    ("GET", "/api/v1/documents?lmit=10", 422),
    ("GET", "/api/v1/documents?cursor=%25", 422),
    ("GET", "/api/v1/documents?cursor=bm90LWFuLWlk", 422),
    ("GET", "/api/v1/jobs?cursor=AAAA", 422),
    ("GET", "/api/v1/jobs?state=lost", 422),
    ("GET", "/api/v1/documents?q=%00", 422),
    ("GET", "/api/v1/collections/%00", 422),
    ("GET", "/api/v1/collections?cursor=AA", 422),
    ("GET", "/signin", 422),
    ("GET", "/ws", 404),
]


async def test_every_refusal_is_a_problem(client: httpx.AsyncClient) -> None:
    for method, path, status in REFUSALS:
        reply = await client.request(method, path)
        assert reply.status_code == status, reply.text
        assert reply.headers["content-type"] == "application/problem+json"


BROKEN: list[Any] = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b'{"input": null}',
    b'{"input": 1}',
    b'{"input": ["x"]}',
    b'{"input": "x", "extra": 1}',
    b'{"input": "x", "collections": "default"}',
    b'{"input": "x", "collections": ["\\u0000"]}',
    b'{"input": "\\ud800"}',
    b'{"input": "\\u0000"}',
    b'{"input": "a\\u0007b"}',
    b'{"input": ""}',
    b'{"input": "  \\n\\t "}',
    b'{"\\ud800": 1}',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"input": ' + b"9" * 5000 + b"}",
    b'{"input": "' + b"x" * 9000 + b'"}',
]


async def test_a_broken_question_is_refused_with_a_reason(client: httpx.AsyncClient) -> None:
    for body in BROKEN:
        headers = {"content-type": "application/json"}
        reply = await client.post("/query", content=body, headers=headers)
        assert reply.status_code in {400, 422}, reply.text
        assert reply.json()["detail"]


OUT_OF_BOUNDS: list[Any] = [
    ("/api/v1/search", {"query": "x", "limit": 201}),
    ("/api/v1/search", {"query": "x", "mode": "magic"}),
    ("/api/v1/search", {"query": "x", "min_position": -1}),
    ("/api/v1/search", {"query": "x", "filter": {"secret": 1}}),
    ("/api/v1/search", {"query": "x", "filter": {"tags": {"a": 1}}}),
    ("/api/v1/search", {"query": "x", "filter": {"metadata.a": ["\x00"]}}),
    ("/api/v1/search", {"query": "x", "filter": {"tags'; DROP TABLE jobs": "x"}}),
    ("/api/v1/search", {"query": "x", "collections": ["x"] * 33}),
    ("/api/v1/collections", {"name": ""}),
    ("/api/v1/collections", {"name": " x"}),
    ("/api/v1/collections", {"name": "a\nb"}),
    ("/api/v1/collections", {"name": "x" * 101}),
    ("/api/v1/collections", {"name": "x", "description": "\x00"}),
    ("/api/v1/collections", {"name": "x", "description": "y" * 2001}),
    ("/api/v1/collections/default/documents", {"text": ""}),
    ("/api/v1/collections/default/documents", {"text": "x", "url": "http://localhost"}),
    ("/signin", {"key": 1}),
]


async def test_a_value_out_of_bounds_is_refused(client: httpx.AsyncClient) -> None:
    for path, body in OUT_OF_BOUNDS:
        reply = await client.post(path, json=body)
        assert reply.status_code == 422, reply.text


UNSTORABLE: list[Any] = [
    b'{"a": NaN}',
    b'{"a": 1e999}',
    b'{"a": "\\u0000"}',
    b'{"\\u0000": 1}',
    b'{"a": "\\ud800"}',
    b'{"a": ' + b"1" * 400 + b"}",
    b'{"a": ' + b'{"a": ' * 20 + b"1" + b"}" * 21,
    b'{"a": [' + b"1," * 2000 + b"1]}",
    b"[]",
]


async def test_metadata_that_cannot_be_stored_is_refused(client: httpx.AsyncClient) -> None:
    for metadata in UNSTORABLE:
        accepted = await client.post(
            "/api/v1/collections/default/documents", json={"title": "T", "text": "Text."}
        )
        path = f"/api/v1/documents/{accepted.json()['document']['id']}"
        reply = await client.patch(
            path,
            content=b'{"metadata": ' + metadata + b"}",
            headers={"content-type": "application/json"},
        )
        assert reply.status_code in {400, 422}, reply.text
        assert (await client.patch(path, json={})).status_code == 422
        form = await client.post(
            "/api/v1/collections/default/documents",
            files={"file": ("b.txt", b"Other text.")},
            data={"metadata": metadata.decode()},
        )
        assert form.status_code == 422, form.text


async def test_no_naughty_string_makes_the_server_fail(client: httpx.AsyncClient) -> None:
    """Titles, tags and names come back as they were sent, or are refused with a reason."""
    strings = json.loads((shared("security/naughty-strings") / "blns.json").read_text("utf-8"))
    accepted = await client.post(
        "/api/v1/collections/default/documents", json={"title": "T", "text": "Text."}
    )
    path = f"/api/v1/documents/{accepted.json()['document']['id']}"
    kept = 0
    for number, text in enumerate(strings):
        reply = await client.patch(path, json={"tags": [text], "metadata": {"a": text}})
        assert reply.status_code in {200, 422}, (text, reply.text)
        if reply.is_success:
            kept += 1
            assert reply.json()["tags"] == [text]
            assert reply.json()["metadata"] == {"a": text}
        if number % 3:
            continue
        titled = await client.patch(path, json={"title": text})
        assert titled.status_code in {200, 422}, (text, titled.text)
        listed = await client.get("/api/v1/documents", params={"q": text})
        assert listed.status_code in {200, 422}, (text, listed.text)
        if number % 4 == 0:
            made = await client.post("/api/v1/collections", json={"name": text})
            assert made.status_code in {201, 409, 422}, (text, made.text)
    assert kept > len(strings) * 0.8


async def test_naughty_questions_are_searched_or_refused(client: httpx.AsyncClient) -> None:
    strings = json.loads((shared("security/naughty-strings") / "blns.json").read_text("utf-8"))
    for text in strings[::4]:
        reply = await client.post("/api/v1/search", json={"query": text, "mode": "lexical"})
        assert reply.status_code in {200, 422}, (text, reply.text)


HOSTS: list[Any] = [
    ("localhost", True),
    ("localhost:9000", True),
    ("LOCALHOST", True),
    ("127.0.0.1:8420", True),
    ("[::1]:8420", True),
    ("evil.example", False),
    ("evil.example:8420", False),
    ("localhost.evil.example", False),
    ("127.0.0.1.evil.example", False),
    ("169.254.169.254", False),
    ("0.0.0.0", False),
    ("10.0.0.1", False),
    ("localhost@evil.example", False),
    ("", False),
]


async def test_a_host_name_of_somebody_else_gets_no_answer(anonymous: httpx.AsyncClient) -> None:
    for host, known in HOSTS:
        for path in ("/livez", "/", "/nothing"):
            reply = await anonymous.get(path, headers={"host": host})
            assert (reply.status_code != 421) == known, reply.text


async def test_a_request_id_comes_back_when_it_is_one(anonymous: httpx.AsyncClient) -> None:
    reply = await anonymous.get("/livez", headers={"x-request-id": "abc-1.2_3"})
    assert reply.headers["x-request-id"] == "abc-1.2_3"
    for hostile in ("a b", "x" * 65, "a<script>", "ü", "a\tb"):
        reply = await anonymous.get("/livez", headers=[(b"x-request-id", hostile.encode())])
        assert re.fullmatch("[0-9a-f]{32}", reply.headers["x-request-id"])


async def test_a_defect_is_one_log_line_and_says_nothing_to_the_caller(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: Documents, __: Principal, ___: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(Documents, "get", broken)
    with capture_logs() as lines:
        reply = await client.get("/api/v1/documents/00000000-0000-0000-0000-000000000001")
    assert reply.status_code == 500
    assert "secret" not in reply.text
    assert "ZeroDivision" not in reply.text
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["http.failed"]


async def test_the_log_never_holds_a_credential_or_a_question(
    client: httpx.AsyncClient, app: App, capfd: pytest.CaptureFixture[str]
) -> None:
    # As it is before anything configures it: every field, hidden by nobody.
    configured = structlog.get_config()
    structlog.reset_defaults()
    try:
        await client.post("/api/v1/search", json={"query": "canary-question"})
        await client.get("/api/v1/info", params={"key": app.admin_key})
        await client.get("/signin", params={"code": "canary-code"})
    finally:
        structlog.configure(**configured)
    out, err = capfd.readouterr()
    assert "http.request" in out + err
    for secret in (app.admin_key, "canary-question", "canary-code"):
        assert secret not in out + err


async def test_a_caller_who_asks_too_often_is_told_when_to_come_back(
    client: httpx.AsyncClient, api: FastAPI
) -> None:
    api.state.server.rates = Rates(LimitSettings(requests_per_key=3), Counters(lambda: 0.0))
    replies = [await client.get("/api/v1/info") for _ in range(20)]
    assert {reply.status_code for reply in replies} == {200, 429}
    refused = next(reply for reply in replies if reply.status_code == 429)
    assert refused.headers["retry-after"] == "60"
    assert refused.headers["ratelimit"] == '"key";r=0;t=60'
    assert refused.json()["retryable"] is True


async def test_whoever_guesses_keys_is_stopped_before_a_key_is_looked_at(
    client: httpx.AsyncClient, api: FastAPI, app: App
) -> None:
    api.state.server.rates = Rates(LimitSettings(guesses_per_address=5), Counters(lambda: 0.0))
    spoofed = {"x-forwarded-for": "203.0.113.9", "forwarded": "for=203.0.113.9"}
    guesses = [
        await client.get(
            "/api/v1/info",
            headers={"authorization": f"Bearer cw_guess{number}", **spoofed},
        )
        for number in range(8)
    ]
    assert [reply.status_code for reply in guesses] == [401] * 5 + [429] * 3
    assert guesses[-1].headers["retry-after"] == "60"
    right = await client.get("/api/v1/info")
    assert right.status_code == 429, "a right guess after too many wrong ones must not show"
    signing_in = await client.post("/signin", json={"key": app.admin_key})
    assert signing_in.status_code == 429


async def test_the_page_is_served_with_a_policy_that_runs_only_our_scripts(
    anonymous: httpx.AsyncClient,
) -> None:
    page = await anonymous.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for name in re.findall(r'(?:src|href)="(ui/[^"]+)"', page.text):
        assert (await anonymous.get(f"/{name}")).status_code == 200, name


async def test_the_contract_describes_every_route(
    anonymous: httpx.AsyncClient, api: FastAPI
) -> None:
    document = (await anonymous.get("/openapi.json")).json()
    operations = [item for path in document["paths"].values() for item in path.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids)) >= 25
    assert document["servers"] == [{"url": "/"}]
    for operation in operations:
        assert {"500", "503", "421"} <= set(operation["responses"])
        assert operation["summary"]
