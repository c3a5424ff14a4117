"""A tool with an effect asks a person first: nothing else lets it run, and never twice."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from citewell.config import LimitSettings, LlmSettings, Settings, ToolSettings
from tests.contract.chat_server import ChatServer, call, chat_server, say
from tests.effects import FILE, done

ASKED = "What is the average of the seventeen numbers on the blackboard?"
NOTE = {"text": "Call Ada."}


@pytest.fixture
def model() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


@pytest.fixture
def effects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the tools leave their lines."""
    monkeypatch.setenv(FILE, str(tmp_path / "effects"))
    return tmp_path / "effects"


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str, model: ChatServer) -> Settings:
    added = "tests.effects:write_note,tests.effects:send_note"
    return Settings(
        home=tmp_path / "home",
        database_url=SecretStr(postgres_url),
        openai_base_url=model.base_url,
        llm=LlmSettings(model="openai:scripted", input_price=1.0, output_price=10.0),
        tools=ToolSettings(enabled=True, added=added),
        limits=LimitSettings(requests_per_address=10**6, guesses_per_address=10**6),
    )


async def ask(client: httpx.AsyncClient, model: ChatServer, *script: Any) -> dict[str, Any]:
    """The reply to a question at which the model begins with this script."""
    model.script += script
    reply = await client.post("/query", json={"input": ASKED})
    assert reply.status_code == 200, reply.text
    answered: dict[str, Any] = reply.json()
    return answered


async def asked(client: httpx.AsyncClient, model: ChatServer) -> dict[str, Any]:
    """A run that waits for a person to approve of a note."""
    answer = await ask(client, model, say("x"), call("write_note", NOTE))
    assert answer["reason"] == "interrupt", answer
    return answer


def word(answer: dict[str, Any], *, approved: bool) -> dict[str, Any]:
    [interrupt] = answer["interrupts"]
    given = {
        "interruptId": interrupt["id"],
        "status": "resolved",
        "payload": {"approved": approved},
    }
    return {"resume": [given]}


async def resume(
    client: httpx.AsyncClient, answer: dict[str, Any], *, approved: bool
) -> httpx.Response:
    path = f"/api/v1/runs/{answer['run_id']}/resume"
    return await client.post(path, json=word(answer, approved=approved))


async def events(client: httpx.AsyncClient, run: str) -> list[dict[str, Any]]:
    """All events of a run, to its end."""
    async with asyncio.timeout(60):
        told = await client.get(f"/api/v1/runs/{run}/events", params={"after": -1})
    lines = [line for line in told.text.split("\n") if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def kept(url: str, table: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


async def test_a_write_waits_for_a_person_and_runs_once_they_approve(
    client: httpx.AsyncClient, model: ChatServer, effects: Path, postgres_url: str
) -> None:
    answer = await asked(client, model)
    assert done(effects) == []
    [interrupt] = answer["interrupts"]
    assert (interrupt["tool"], interrupt["arguments"]) == ("write_note", NOTE)
    assert (await client.get(f"/api/v1/runs/{answer['run_id']}")).json()["state"] == "paused"
    [*_, last] = await events(client, answer["run_id"])
    assert last["outcome"]["type"] == "interrupt"
    [said] = last["outcome"]["interrupts"]
    assert said["responseSchema"]["required"] == ["approved"]
    assert kept(postgres_url, "checkpoints") == 1

    model.script.append(say("I have noted it."))
    begun = await resume(client, answer, approved=True)
    assert begun.status_code == 202, begun.text
    told = await events(client, begun.json()["id"])
    assert done(effects) == ["write_note: Call Ada."]
    assert told[0]["metadata"]["rag"]["resumes"] == answer["run_id"]
    assert [one["type"] for one in told if one["type"].startswith("RUN_")] == [
        "RUN_STARTED", "RUN_FINISHED",
    ]  # fmt: skip
    assert "".join(one.get("delta", "") for one in told if one["type"] == "TEXT_MESSAGE_CONTENT")
    assert (await client.get(f"/api/v1/runs/{answer['run_id']}")).json()["state"] == "finished"
    assert kept(postgres_url, "checkpoints") == 0
