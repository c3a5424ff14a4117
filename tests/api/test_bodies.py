"""Bodies that are not what they should be: told apart, with what to do about it."""

import asyncio
from typing import Any

import httpx

from citewell.bootstrap import App
from tests.api.conftest import work_off

REFUSED: list[Any] = [
    (b'{"input": "a", "input": "b"}', "twice"),
    (b'{"input": NaN}', "NaN"),
    (b'{"input": -Infinity}', "Infinity"),
    (b'{"input": ', "line 1"),
    (b"", "empty"),
    (b"[" * 100_000, "deeply"),
    (b'{"input": ' + b"9" * 5000 + b"}", "digits"),
    (b'{"input": "\xff"}', "UTF-8"),
]


async def test_a_body_that_is_no_json_is_refused_with_the_reason_and_a_hint(
    client: httpx.AsyncClient,
) -> None:
    headers = {"content-type": "application/json"}
    for path in ("/query", "/api/v1/search", "/api/v1/collections/default/documents"):
        for body, word in REFUSED:
            reply = await client.post(path, content=body, headers=headers)
            assert reply.status_code == 422, (path, body[:30], reply.text)
            assert word in reply.json()["detail"], (path, body[:30], reply.text)
            assert reply.json()["errors"][0]["field"] == "body"
            assert "JSON" in reply.json()["hint"]


async def test_a_body_of_another_kind_is_told_which_header_it_needs(
    client: httpx.AsyncClient,
) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        for path in ("/query", "/api/v1/search", "/api/v1/collections", "/signin"):
            reply = await client.post(
                path, content=b'{"input": "x"}', headers={"content-type": kind}
            )
            assert reply.status_code == 415, (path, kind, reply.text)
            assert "application/json" in reply.json()["hint"]


async def test_a_byte_order_mark_is_no_reason_to_refuse(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json; charset=utf-8"}
    for path, body in (
        ("/api/v1/search", b'{"query": "x"}'),
        ("/api/v1/collections/default/documents", b'{"text": "Text."}'),
    ):
        reply = await client.post(path, content=b"\xef\xbb\xbf" + body, headers=headers)
        assert reply.is_success, reply.text


async def test_an_address_is_not_fetched_unless_the_operator_said_so_and_the_refusal_says_it(
    client: httpx.AsyncClient,
) -> None:
    for address in ("http://127.0.0.1/", "https://example.com/", "x"):
        reply = await client.post("/api/v1/collections/default/documents", json={"url": address})
        assert reply.status_code == 422
        assert reply.json()["detail"] == "Addresses are not fetched."
        assert "CITEWELL_FETCH__ENABLED" in reply.json()["hint"]
        assert [one["field"] for one in reply.json()["errors"]] == ["url"]
    both = {"url": "https://example.com/", "text": "x"}
    reply = await client.post("/api/v1/collections/default/documents", json=both)
    assert [one["field"] for one in reply.json()["errors"]] == ["text"]


async def test_an_unknown_field_is_named_and_called_unknown(client: httpx.AsyncClient) -> None:
    reply = await client.post("/api/v1/search", json={"query": "x", "qeury": "y"})
    assert reply.json()["errors"] == [{"field": "qeury", "message": "This field is not known."}]
    reply = await client.post("/api/v1/search", json={})
    assert reply.json()["errors"] == [{"field": "query", "message": "This field is needed."}]
    reply = await client.get("/api/v1/documents", params={"limit": 0})
    assert reply.json()["errors"][0]["field"] == "limit"
    assert (await client.get("/nothing")).json()["hint"]
    assert (await client.delete("/query")).json()["hint"]


async def test_a_change_is_refused_when_another_one_came_before(
    client: httpx.AsyncClient, app: App
) -> None:
    accepted = await client.post(
        "/api/v1/collections/default/documents", json={"title": "One", "text": "Text."}
    )
    await work_off(app)
    document = f"/api/v1/documents/{accepted.json()['document']['id']}"
    made = await client.post("/api/v1/collections", json={"name": "conditional"})
    collection = f"/api/v1/collections/{made.json()['id']}"
    for path, field in ((document, "title"), (collection, "description")):
        seen = (await client.get(path)).headers["etag"]
        first = await client.patch(path, json={field: "Two"}, headers={"if-match": seen})
        assert first.status_code == 200, first.text
        assert first.headers["etag"] == (await client.get(path)).headers["etag"] != seen
        second = await client.patch(path, json={field: "Three"}, headers={"if-match": seen})
        assert second.status_code == 412
        assert second.json()["code"] == "changed"
        assert second.json()["hint"]
        assert (await client.get(path)).json()[field] == "Two"
        for good in (f'"other", {first.headers["etag"]}', "*"):
            last = await client.patch(path, json={field: "Two"}, headers={"if-match": good})
            assert last.status_code == 200, last.text
        now = last.headers["etag"]
        for bad in (f"W/{now}", now.strip('"'), '"*"'):
            weak = await client.patch(path, json={field: "Three"}, headers={"if-match": bad})
            assert weak.status_code == 412, bad
        assert (await client.patch(path, json={field: "Four"})).status_code == 200


async def test_every_reply_of_a_limited_route_says_how_much_is_left(
    client: httpx.AsyncClient,
) -> None:
    left = []
    for _ in range(2):
        reply = await client.get("/api/v1/info")
        assert reply.headers["ratelimit-policy"] == '"key";q=12000;w=60'
        left.append(int(reply.headers["ratelimit"].partition(";r=")[2].partition(";")[0]))
    assert left[0] > 0
    assert "ratelimit" not in (await client.get("/livez")).headers


async def test_whoever_answers_get_answers_head(client: httpx.AsyncClient) -> None:
    for path in ("/", "/livez", "/readyz", "/healthz", "/api/v1/info"):
        reply = await client.head(path)
        assert reply.status_code == 200, path
    assert (await client.head("/nothing")).status_code == 404
    assert (await client.head("/query")).status_code == 405


async def test_a_preview_of_the_sign_in_link_does_not_use_it_up(
    client: httpx.AsyncClient, app: App
) -> None:
    link = f"/signin?code={app.accounts.issue_code()}"
    assert (await client.head(link)).status_code == 405
    assert (await client.get(link)).status_code == 303


async def test_a_question_that_is_sent_twice_is_asked_once(client: httpx.AsyncClient) -> None:
    key = {"idempotency-key": "question-1"}
    both = await asyncio.gather(
        *(client.post("/query", json={"input": "What is this?"}, headers=key) for _ in range(2))
    )
    assert [one.status_code for one in both] == [200, 200]
    assert both[0].json() == both[1].json()
    other = await client.post("/query", json={"input": "What else?"}, headers=key)
    assert other.status_code == 422
    fresh = await client.post("/query", json={"input": "What is this?"})
    assert fresh.json()["run_id"] != both[0].json()["run_id"]
