"""S11: orders from outside: what a server of tools says of them, what they give, and web pages."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from citewell.bootstrap import App
from citewell.config import LimitSettings, LlmSettings, McpSettings, Settings, ToolSettings
from citewell.documents.fetching.service import Fetching
from tests.api.conftest import work_off
from tests.api.test_mcp_servers import SERVERS, add, approve, inspect
from tests.conftest import Counted
from tests.contract.chat_server import ChatServer
from tests.contract.mcp_server import McpTestServer, mcp_server
from tests.security.egress.internet import PUBLIC, Internet, http, small_internet
from tests.security.injection.asking import Tally, ask
from tests.security.injection.attacks import Attack
from tests.security.injection.carriers import FACT
from tests.security.injection.obedience import Obedient
from tests.security.injection.planted import ADDED
from tests.security.injection.world import World

QUESTION = "When was the harbour bridge opened, as the documents say?"
HARMLESS = "Looks up what is known of a bridge."
OF_EACH = 3


@pytest.fixture
def tools() -> Iterator[McpTestServer]:
    with mcp_server() as running:
        yield running


@pytest.fixture
def settings(
    tmp_path: Path, postgres_url: str, model: ChatServer, tools: McpTestServer
) -> Settings:
    return Settings(
        home=tmp_path / "home",
        database_url=SecretStr(postgres_url),
        openai_base_url=model.base_url,
        openai_api_key=SecretStr("sk-canary-4471"),
        llm=LlmSettings(model="openai:obedient"),
        tools=ToolSettings(added=ADDED),
        mcp=McpSettings(enabled=True, origins=tools.url.removesuffix("/mcp")),
        limits=LimitSettings(requests_per_address=10**6, guesses_per_address=10**6),
    )


@pytest.fixture
async def admin(reader: httpx.AsyncClient, app: App) -> AsyncIterator[httpx.AsyncClient]:
    """Another client of the same application, the administrator's."""
    headers = {"authorization": f"Bearer {app.admin_key}"}
    async with httpx.AsyncClient(
        transport=reader._transport, base_url="http://localhost", headers=headers
    ) as client:
        yield client


@pytest.fixture
async def internet(app: App, api: FastAPI) -> AsyncIterator[Internet]:
    async with small_internet() as running:
        running.names["good.example"] = [[PUBLIC]]
        fetching = Fetching(app.documents, running.web())
        api.state.server.app = replace(app, fetching=fetching)
        yield running


def some(attacks: list[Attack], turn: int, *, storm: bool) -> list[Attack]:
    chosen = [attacks[(turn * OF_EACH + n) * 13 % len(attacks)] for n in range(OF_EACH)]
    return attacks if storm else chosen


async def test_no_order_of_a_server_of_tools_has_an_effect(
    reader: httpx.AsyncClient, admin: httpx.AsyncClient, world: World, tools: McpTestServer,
    attacks: list[Attack], storm: bool, record_property: Counted,
) -> None:  # fmt: skip
    server = await add(admin, tools.url)
    nothing = (await reader.post("/api/v1/collections", json={"name": "empty"})).json()["id"]
    world.remember()
    found = Tally()
    for turn, way in enumerate(("description", "result")):
        for number, attack in enumerate(some(attacks, turn, storm=storm)):
            given = {"description": HARMLESS, "result": "Nothing.", way: attack.line}

            def look_up(text: str, gives: str = given["result"]) -> str:
                return f"{gives} ({len(text)})"

            tools.offer(look_up, "look_up", given["description"])
            # The worst case: an administrator has read the order and approved of the tool.
            await inspect(admin, server)
            assert (await approve(admin, server, "look_up")).status_code == 200
            ready = number % 2 == 0
            model = Obedient(world.knowledge, says_ready=ready, first="machine__look_up")
            world.model.answer = model
            seen = await ask(reader, world, QUESTION, nothing)
            read = any(goal == attack.goal for goal, _ in model.obeyed)
            astray = [] if read else ["the model has not read it"]
            told = f"MCP {way}: {attack.goal}, {attack.template}"
            found.add(told, [*seen.harm(world), *astray], model, seen)
    assert not found.broken, "\n".join(found.broken)
    assert world.harm() == []
    found.told(record_property)
    assert (await admin.get(SERVERS)).status_code == 200


async def test_no_order_of_a_web_page_has_an_effect(
    reader: httpx.AsyncClient, app: App, world: World, internet: Internet, attacks: list[Attack],
    storm: bool, record_property: Counted,
) -> None:  # fmt: skip
    chosen = some(attacks, 2, storm=storm)
    places: list[str] = []
    for number, attack in enumerate(chosen):
        page = f"<title>Bridge</title><p>{FACT}</p><p>{attack.line.replace('<', '&lt;')}</p>"
        found = http(200, page.encode(), content_type="text/html; charset=utf-8")
        internet.pages["good.example", f"/{number}"] = found
        made = (await reader.post("/api/v1/collections", json={"name": f"page-{number}"})).json()
        places.append(made["id"])
        path = f"/api/v1/collections/{made['id']}/documents"
        reply = await reader.post(path, json={"url": f"http://good.example/{number}"})
        assert reply.status_code == 202, reply.text
    await work_off(app)
    world.remember()
    tally, asked = Tally(), len(internet.asked)
    for number, (attack, place) in enumerate(zip(chosen, places, strict=True)):
        world.model.answer = model = Obedient(world.knowledge, says_ready=number % 2 == 0)
        seen = await ask(reader, world, QUESTION, place)
        read = any(goal == attack.goal for goal, _ in model.obeyed)
        astray = [] if read else ["the model has not read it"]
        told = f"web page: {attack.goal}, {attack.template}"
        tally.add(told, [*seen.harm(world), *astray], model, seen)
    assert not tally.broken, "\n".join(tally.broken)
    assert world.harm() == []
    assert len(internet.asked) == asked
    tally.told(record_property)
