"""Tools of MCP servers: named and approved of by an administrator, used as they were approved."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from citewell.config import LimitSettings, LlmSettings, McpSettings, Settings
from tests.contract.chat_server import Body, ChatServer, Reply, call, chat_server, say
from tests.contract.mcp_server import ADD, ADDED, McpTestServer, mcp_server

SERVERS = "/api/v1/mcp-servers"
QUESTION = "What does the adding machine say of 2 and 3?"
OWN_TOKEN = "own-token-of-this-server"


@pytest.fixture
def tools() -> Iterator[McpTestServer]:
    with mcp_server() as running:
        yield running


@pytest.fixture
def model() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


@pytest.fixture
def settings(
    tmp_path: Path, postgres_url: str, model: ChatServer, tools: McpTestServer
) -> Settings:
    return Settings(
        home=tmp_path / "home",
        database_url=SecretStr(postgres_url),
        openai_base_url=model.base_url,
        openai_api_key=SecretStr("key-of-the-model"),
        llm=LlmSettings(model="openai:scripted"),
        mcp=McpSettings(enabled=True, origins=tools.url.removesuffix("/mcp")),
        limits=LimitSettings(requests_per_address=10**6, guesses_per_address=10**6),
    )


def calling(tool: str, arguments: dict[str, Any]) -> Any:
    """A model that calls the tool where it is offered, then says what it gave."""

    def answer(body: Body) -> Reply:
        if not body.get("tools"):
            return say("READY")
        if body["messages"][-1]["role"] == "tool":
            return say("It says what stands there.")
        return call(tool, arguments)

    return answer


async def add(client: httpx.AsyncClient, url: str, name: str = "machine", **more: Any) -> str:
    reply = await client.post(SERVERS, json={"name": name, "url": url, **more})
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


async def inspect(client: httpx.AsyncClient, server: str) -> dict[str, dict[str, Any]]:
    reply = await client.post(f"{SERVERS}/{server}/inspect")
    assert reply.status_code == 200, reply.text
    return {one["name"]: one for one in reply.json()["items"]}


async def approve(
    client: httpx.AsyncClient, server: str, tool: str, *labels: str
) -> httpx.Response:
    shown = (await client.get(f"{SERVERS}/{server}")).json()["tools"]
    sha256 = next(one["sha256"] for one in shown if one["name"] == tool)
    body = {"tool": tool, "sha256": sha256, "labels": labels or ["read"]}
    return await client.put(f"{SERVERS}/{server}/approvals", json=body)


async def ready(client: httpx.AsyncClient, url: str, tool: str = ADD, **more: Any) -> str:
    """A server with one tool that is approved, as one that only reads."""
    server = await add(client, url, **more)
    await inspect(client, server)
    assert (await approve(client, server, tool)).status_code == 200
    return server


async def ask(client: httpx.AsyncClient) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The answer, and what the tools returned."""
    answer = (await client.post("/query", json={"input": QUESTION})).json()
    events = await client.get(f"/api/v1/runs/{answer['run_id']}/events")
    lines = [line for line in events.text.split("\n") if line.startswith("data: ")]
    told = [json.loads(line.removeprefix("data: ")) for line in lines]
    return answer, [one for one in told if one["type"] == "TOOL_CALL_RESULT"]


async def audited(client: httpx.AsyncClient, action: str) -> list[dict[str, Any]]:
    found = (await client.get("/api/v1/audit")).json()["items"]
    return [one for one in found if one["action"] == action]


async def test_an_approved_tool_of_a_server_answers_a_question(
    client: httpx.AsyncClient, model: ChatServer, tools: McpTestServer
) -> None:
    await ready(client, tools.url)
    model.answer = calling("machine__add", {"a": 2, "b": 3})
    answer, results = await ask(client)
    assert tools.called == [(ADD, {"a": 2, "b": 3})]
    assert [one["content"] for one in results] == ["The sum is 5."]
    assert answer["reason"] == "computed"
    [offered] = [one for one in model.requests if one.get("tools")][:1]
    named = {one["function"]["name"]: one["function"] for one in offered["tools"]}
    assert named["machine__add"]["description"] == ADDED
    assert "machine__echo" not in named


async def test_a_tool_of_which_nobody_has_approved_is_not_offered(
    client: httpx.AsyncClient, model: ChatServer, tools: McpTestServer
) -> None:
    server = await add(client, tools.url)
    shown = await inspect(client, server)
    assert {one["state"] for one in shown.values()} == {"new"}
    model.answer = calling("machine__add", {"a": 2, "b": 3})
    _, results = await ask(client)
    assert tools.called == []
    assert "There is no tool" in results[0]["content"]
