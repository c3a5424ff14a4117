"""What a model was sent is shown to whose run it was, where that was asked for, to nobody else."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from citewell.bootstrap import App
from citewell.config import LimitSettings, LlmSettings, Settings
from citewell.domain.principal import Role
from tests.api.conftest import Keys, work_off
from tests.api.terminal import Terminal
from tests.api.test_language_model import ask
from tests.contract.chat_server import Body, ChatServer, Reply, call, say

TEXT = "The lighthouse at Cape Ward was built in 1874.\x1b[31m Its lamp burns whale oil.\n"
COUNT = "How many documents are there?"


@pytest.fixture
def shows() -> bool:
    return True


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str, model: ChatServer, *, shows: bool) -> Settings:
    return Settings(
        home=tmp_path / "home",
        database_url=SecretStr(postgres_url),
        openai_base_url=model.base_url,
        llm=LlmSettings(model="openai:scripted", show_prompts=shows),
        limits=LimitSettings(requests_per_address=10**6, guesses_per_address=10**6),
    )


@pytest.fixture
async def library(client: httpx.AsyncClient, app: App, model: ChatServer) -> None:
    path = "/api/v1/collections/default/documents"
    await client.post(path, json={"title": "Lighthouse", "text": TEXT})
    await work_off(app)
    model.answer = answer


def answer(body: Body) -> Reply:
    if not body.get("tools"):
        return say("It was built in 1874 [1].")
    if body["messages"][-1]["role"] == "tool":
        return say("There is 1 document.")
    return call("query_records", {"sql": "SELECT count(*) FROM documents"})


def sent(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one["value"] for one in events if one.get("name") == "rag.prompt"]


@pytest.mark.usefixtures("library")
async def test_each_prompt_is_told_at_its_step_exactly_as_it_was_sent(
    client: httpx.AsyncClient, model: ChatServer
) -> None:
    _, events = await ask(client)
    [told] = sent(events)
    [asked] = model.requests
    assert (told["step"], told["model"]) == ("answer", "openai:scripted")
    assert told["messages"] == asked["messages"]
    assert told["tools"] == []
    steps = [one["stepName"] for one in events if one["type"] == "STEP_STARTED"]
    assert told["step"] in steps


@pytest.mark.usefixtures("library")
async def test_calls_results_and_descriptions_of_tools_are_told_too(
    client: httpx.AsyncClient, model: ChatServer
) -> None:
    reply = (await client.post("/query", json={"input": COUNT})).json()
    told = await client.get(f"/api/v1/runs/{reply['run_id']}/events")
    lines = [one.removeprefix("data: ") for one in told.text.split("\n") if one[:6] == "data: "]
    prompts = sent([httpx.Response(200, text=one).json() for one in lines])
    assert [one["step"] for one in prompts] == ["tools", "tools#2"]
    for shown, asked in zip(prompts, model.requests, strict=True):
        assert shown["tools"] == asked["tools"]
        assert [one["role"] for one in shown["messages"]] == [
            one["role"] for one in asked["messages"]
        ]
        for one, other in zip(shown["messages"], asked["messages"], strict=True):
            assert (one["content"] or "") == (other["content"] or "")


@pytest.mark.usefixtures("library")
async def test_nobody_else_sees_them_not_even_an_administrator(
    client: httpx.AsyncClient, keys: Keys
) -> None:
    mine = {"authorization": f"Bearer {await keys.make(Role.VIEWER)}"}
    reply = await client.post("/query", json={"input": COUNT}, headers=mine)
    path = f"/api/v1/runs/{reply.json()['run_id']}/events"
    assert "rag.prompt" in (await client.get(path, headers=mine)).text
    assert (await client.get(path)).status_code == 404
    other = {"authorization": f"Bearer {await keys.make(Role.OWNER)}"}
    assert (await client.get(path, headers=other)).status_code == 404


@pytest.mark.usefixtures("library")
async def test_the_command_shows_them_without_what_steers_a_terminal(
    client: httpx.AsyncClient, terminal: Terminal
) -> None:
    reply, events = await ask(client)
    run = reply["run_id"]
    shown = await terminal.done("runs", "prompt", run)
    assert shown.startswith("# answer (openai:scripted)\n\n## system\n")
    assert "The lighthouse at Cape Ward was built in 1874." in shown
    assert "\x1b" not in shown
    assert await terminal.json("runs", "prompt", run, "answer") == sent(events)
    assert "at 'verify'" in await terminal.refused(6, "runs", "prompt", run, "verify")


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("shows", [False])
async def test_without_the_setting_nothing_of_a_prompt_is_kept(
    client: httpx.AsyncClient, terminal: Terminal
) -> None:
    reply, events = await ask(client)
    assert sent(events) == []
    said = await terminal.refused(6, "runs", "prompt", reply["run_id"])
    assert "CITEWELL_LLM__SHOW_PROMPTS" in said
