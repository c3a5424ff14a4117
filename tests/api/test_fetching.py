"""Documents by their address: fetched for who may add them, kept with where they came from."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from citewell.api.limiting.slots import MAX_FETCHES
from citewell.bootstrap import App
from citewell.cli import main
from citewell.documents.fetching.naming import name_of
from citewell.documents.fetching.service import Fetching
from citewell.domain.errors import StartError
from citewell.domain.principal import Role
from citewell.inference.egress.addresses import Address
from citewell.inference.egress.web import Page
from tests.api.conftest import Keys, listening, work_off
from tests.security.egress.internet import (
    PATIENCE,
    PUBLIC,
    Internet,
    http,
    redirect,
    small_internet,
)

DOCUMENTS = "/api/v1/collections/default/documents"
LIGHTHOUSE = b"<title>The lighthouse</title><h1>Lamp</h1><p>The lamp turns every nine seconds.</p>"
HTML = "text/html; charset=utf-8"


@pytest.fixture
async def internet(app: App, api: FastAPI) -> AsyncIterator[Internet]:
    """What the application finds outside."""
    async with small_internet() as running:
        running.names["good.example"] = [[PUBLIC]]
        running.pages |= {
            ("good.example", "/old"): redirect("/lamp?page=1"),
            ("good.example", "/lamp?page=1"): http(200, LIGHTHOUSE, content_type=HTML),
        }
        fetching = Fetching(app.documents, running.web())
        api.state.server.app = replace(app, fetching=fetching)
        yield running


async def test_a_page_is_fetched_read_and_searched_and_its_source_is_kept(
    client: httpx.AsyncClient, app: App, internet: Internet
) -> None:
    reply = await client.post(DOCUMENTS, json={"url": "http://good.example/old"})
    assert reply.status_code == 202, reply.text
    document = reply.json()["document"]
    assert document["metadata"] == {"source": "http://good.example/lamp?page=1"}
    assert document["filename"] == "good.example/lamp?page=1.html"
    # It is here now: reading it asks nobody.
    internet.pages.clear()
    await work_off(app)
    read = (await client.get(f"/api/v1/documents/{document['id']}")).json()
    assert (read["status"], read["title"]) == ("ready", "The lighthouse")
    text = (await client.get(f"/api/v1/documents/{document['id']}/text")).json()["text"]
    assert "The lamp turns every nine seconds." in text
    assert len(internet.asked) == 2


async def test_the_same_page_is_known_and_a_repeated_request_is_answered_as_before(
    client: httpx.AsyncClient, internet: Internet
) -> None:
    body = {"url": "http://good.example/old", "title": "Lamp"}
    once = {"idempotency-key": "k" * 16}
    first = (await client.post(DOCUMENTS, json=body, headers=once)).json()
    internet.pages["good.example", "/lamp?page=1"] = http(200, b"Changed.", content_type=HTML)
    assert (await client.post(DOCUMENTS, json=body, headers=once)).json() == first
    other = await client.post(DOCUMENTS, json={**body, "title": "Other"}, headers=once)
    assert other.status_code == 422
    replaced = await client.post(DOCUMENTS, json={**body, "on_duplicate": "replace"})
    assert replaced.json()["document"]["id"] == first["document"]["id"]
    again = await client.post(DOCUMENTS, json={**body, "on_duplicate": "fail"})
    assert again.status_code == 409


async def test_nobody_is_asked_for_who_may_not_add_a_document(
    anonymous: httpx.AsyncClient, app: App, keys: Keys, internet: Internet
) -> None:
    body = {"url": "http://good.example/old"}
    assert (await anonymous.post(DOCUMENTS, json=body)).status_code == 401
    anonymous.headers["authorization"] = f"Bearer {await keys.make(role=Role.VIEWER)}"
    assert (await anonymous.post(DOCUMENTS, json=body)).status_code == 403
    anonymous.headers["authorization"] = f"Bearer {app.admin_key}"
    missing = f"/api/v1/collections/{uuid4()}/documents"
    assert (await anonymous.post(missing, json=body)).status_code == 404
    assert (internet.asked, internet.lookups) == ([], [])


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("http://127.0.0.1/", 422, "public network"),
        ("http://inner.example/", 422, "public network"),
        ("http://good.example/in", 422, "public network"),
        ("http://good.example:22/", 422, "port"),
        ("http://u:p@good.example/", 422, "plain http"),
        ("file:///etc/passwd", 422, "plain http"),
        ("http://good.example/missing", 502, "404"),
        ("http://good.example/round", 502, "redirects"),
    ],
)
async def test_what_cannot_be_fetched_is_a_clear_problem_and_leaves_nothing(
    client: httpx.AsyncClient, internet: Internet, url: str, status: int, said: str
) -> None:
    internet.names["inner.example"] = [["10.0.0.1", PUBLIC]]
    internet.pages["good.example", "/in"] = redirect("http://inner.example/")
    internet.pages["good.example", "/round"] = redirect("/round")
    reply = await client.post(DOCUMENTS, json={"url": url})
    problem = reply.json()
    assert (reply.status_code, said in problem["detail"]) == (status, True), problem
    assert problem["hint"]
    assert status != 422 or [one["field"] for one in problem["errors"]] == ["url"]
    assert (await client.get("/api/v1/documents")).json()["items"] == []
    assert (internet.strayed, internet.knocks) == ([], 0)


async def test_slow_sites_are_bounded_in_number_and_take_no_place_of_uploads(
    client: httpx.AsyncClient, internet: Internet
) -> None:
    released, waiting = asyncio.Event(), asyncio.Semaphore(0)

    async def slow(writer: asyncio.StreamWriter) -> None:
        waiting.release()
        await asyncio.wait_for(released.wait(), PATIENCE)
        writer.write(http(200, LIGHTHOUSE, content_type=HTML))

    internet.pages["good.example", "/slow"] = slow
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        body = {"url": "http://good.example/slow"}
        sent = [group.create_task(client.post(DOCUMENTS, json=body)) for _ in range(MAX_FETCHES)]
        for _ in sent:
            await waiting.acquire()
        refused = await client.post(DOCUMENTS, json=body)
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        assert (await client.post(DOCUMENTS, json={"text": "Text."})).status_code == 202
        released.set()
    assert {one.result().status_code for one in sent} == {202}


async def test_the_command_line_adds_pages_beside_files(
    api: FastAPI, app: App, internet: Internet
) -> None:
    words = ["docs", "add", "--no-wait", "--json", "http://good.example/old", "http://[::1]/"]
    async with listening(api) as address:
        api.state.server.app = replace(app, fetching=Fetching(app.documents, internet.web()))
        given = {"CITEWELL_SERVER": address, "CITEWELL_API_KEY": app.admin_key}
        ended = await asyncio.to_thread(CliRunner().invoke, main.app, words, env=given)
    assert "good.example/lamp?page=1.html" in ended.stdout, ended.output
    assert "http://[::1]/: No server on the public network" in ended.stderr
    assert ended.exit_code != 0


@pytest.mark.parametrize(
    ("address", "kind", "name"),
    [
        ("https://a.example/", "text/html", "a.example.html"),
        ("https://a.example/x.php", "text/html; charset=x", "a.example/x.php.html"),
        ("https://a.example/x.HTM", "TEXT/HTML", "a.example/x.HTM"),
        ("https://a.example/b/c.pdf", "application/pdf", "a.example/b/c.pdf"),
        ("https://a.example/get?id=7", "application/pdf", "a.example/get?id=7.pdf"),
        ("https://a.example/x.py", "text/plain", "a.example/x.py"),
        ("https://a.example/x.md", "text/markdown", "a.example/x.md"),
        ("https://a.example/notes/", "text/plain", "a.example/notes.txt"),
        ("https://a.example/%C3%BC.docx", "application/octet-stream", "a.example/ü.docx"),
        ("https://a.example/x", "", "a.example/x"),
    ],
)
def test_a_page_is_named_after_its_address_and_read_as_what_it_was_sent_as(
    address: str, kind: str, name: str
) -> None:
    page = Page(Address.read(address), {"content-type": kind}, b"")
    assert name_of(page) == name


async def test_what_the_operator_adds_is_an_origin_or_the_start_fails(app: App) -> None:
    made = Fetching.of(app.documents, enabled=True, origins="https://wiki:8443, http://a.example")
    origins = {Address.read(one).origin for one in ("https://wiki:8443/", "http://a.example/")}
    assert made.web is not None
    assert made.web.origins == origins
    assert Fetching.of(app.documents, enabled=False, origins="").web is None
    for wrong in ("wiki", "https://wiki/path", "ftp://wiki", "https://u@wiki"):
        with pytest.raises(StartError, match="CITEWELL_FETCH__ORIGINS"):
            Fetching.of(app.documents, enabled=True, origins=wrong)
