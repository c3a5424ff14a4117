"""A server with a language model: what the model does wrong costs the answer's words at most."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from citewell.bootstrap import App
from citewell.config import LimitSettings, LlmSettings, Settings
from tests.api.conftest import work_off
from tests.contract.chat_server import (
    SILENT,
    ChatServer,
    Reply,
    call,
    fail,
    garbage,
    say,
)

TEXT = (
    "The lighthouse at Cape Ward was built in 1874.\n\n"
    "Its lamp burns whale oil, and the keeper trims the wick every four hours.\n"
)
ASKED = "When was the lighthouse at Cape Ward built?"
GOOD = "It was built in 1874 [1]."


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str, model: ChatServer) -> Settings:
    return Settings(
        home=tmp_path / "home",
        database_url=SecretStr(postgres_url),
        openai_base_url=model.base_url,
        llm=LlmSettings(
            model="openai:scripted",
            first_token_seconds=2.0,
            next_token_seconds=2.0,
            input_price=1.0,
            output_price=10.0,
        ),
        limits=LimitSettings(requests_per_address=10**6, guesses_per_address=10**6),
    )


@pytest.fixture
async def library(client: httpx.AsyncClient, app: App) -> None:
    path = "/api/v1/collections/default/documents"
    await client.post(path, json={"title": "Lighthouse", "text": TEXT})
    await work_off(app)


async def ask(client: httpx.AsyncClient) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The answer, and the events of its run."""
    answer = (await client.post("/query", json={"input": ASKED})).json()
    events = await client.get(f"/api/v1/runs/{answer['run_id']}/events")
    lines = [line for line in events.text.split("\n") if line.startswith("data: ")]
    return answer, [json.loads(line.removeprefix("data: ")) for line in lines]


def notices(events: list[dict[str, Any]]) -> list[str]:
    return [one["value"]["message"] for one in events if one["type"] == "CUSTOM"]


@pytest.mark.usefixtures("library")
async def test_an_answer_of_the_model_is_cited_paid_and_accounted_for(
    client: httpx.AsyncClient, model: ChatServer, postgres_url: str
) -> None:
    model.answer = lambda _: say(GOOD, tokens=(300, 20))
    answer, events = await ask(client)
    assert answer["response"].startswith("It was built in 1874")
    assert answer["citations"][0]["quote"]
    last = events[-1]
    assert last["type"] == "RUN_FINISHED"
    assert last["usage"] == [
        {
            "provider": "openai",
            "model": "scripted",
            "inputTokens": 300,
            "outputTokens": 20,
            "totalTokens": 320,
        }
    ]
    assert last["metadata"]["rag"]["cost"] == 0.0005
    with psycopg.connect(postgres_url) as connection:
        (row,) = connection.execute(
            "SELECT usage.run_id::text, usage.user_id = runs.user_id, usage.key_id IS NOT NULL,"
            " usage.collection_id IS NOT NULL, step, model, tokens_in, tokens_out, cost"
            " FROM usage JOIN runs ON runs.id = usage.run_id"
        ).fetchall()
    assert row == (
        answer["run_id"], True, True, True, "answer", "openai:scripted", 300, 20, 0.0005,
    )  # fmt: skip
    for by, of in (("run", answer["run_id"]), ("model", "openai:scripted"), ("step", "answer")):
        (spent,) = (await client.get("/api/v1/usage/models", params={"by": by})).json()["items"]
        assert (spent["of"], spent["calls"], spent["tokens_in"]) == (of, 1, 300)
        assert (spent["tokens_out"], spent["money"]) == (20, 0.0005)
    for by in ("user", "key", "collection"):
        (spent,) = (await client.get("/api/v1/usage/models", params={"by": by})).json()["items"]
        assert spent["of"]
    assert (await client.get("/api/v1/info")).json()["language_models"] == ["openai:scripted"]


FAULTS = {
    "down": fail(503),
    "too often": fail(429, retry_after="60"),
    "defect": fail(500),
    "wrong key": fail(401),
    "hangs before the first word": SILENT,
    "hangs in the middle": say(GOOD, stall_after=3),
    "breaks in the middle": say(GOOD, pause=0.05, break_after=3),
    "garbage": garbage(),
    "nothing": say(""),
    "a tool that nobody offered": call("rm", {"path": "/"}),
}


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_what_the_model_does_wrong_leaves_an_answer_in_quotes(
    client: httpx.AsyncClient, app: App, model: ChatServer, fault: Reply
) -> None:
    model.script += [fault] * 4
    tasks = app.tasks.count()
    began = time.monotonic()
    answer, events = await ask(client)
    assert time.monotonic() - began < 20
    assert answer["answered"]
    assert "1874" in answer["response"]
    assert answer["citations"], "the quote is cited"
    assert [one["type"] for one in events][-1] == "RUN_FINISHED"
    assert "model_unavailable" in notices(events)
    stored = (await client.get(f"/api/v1/runs/{answer['run_id']}")).json()
    assert stored["state"] == "finished"
    assert app.tasks.count() == tasks, "no task is left"
    assert model.wait_for(lambda seen: seen.at_once == 0, 2), "no connection is left"
    found = await client.post("/api/v1/search", json={"query": ASKED})
    assert found.json()["passages"]


@pytest.mark.usefixtures("library")
async def test_a_model_that_knows_no_end_is_cut_off(
    client: httpx.AsyncClient, model: ChatServer
) -> None:
    model.script.append(Reply(pieces=("and so on " * 50,) * 100_000))
    began = time.monotonic()
    answer, events = await ask(client)
    assert time.monotonic() - began < 20
    assert [one["type"] for one in events][-1] == "RUN_FINISHED"
    assert len(answer["response"]) < 50_000
    assert await asyncio.to_thread(model.wait_for, lambda seen: len(seen.closed) == 1, 2)


@pytest.mark.usefixtures("library")
async def test_with_a_model_left_alone_the_answer_comes_at_once(
    client: httpx.AsyncClient, model: ChatServer
) -> None:
    model.answer = lambda _: fail(401)
    for _ in range(5):
        await ask(client)
    heard = len(model.requests)
    began = time.monotonic()
    answer, events = await ask(client)
    assert time.monotonic() - began < 2
    assert answer["answered"]
    assert "model_unavailable" in notices(events)
    assert len(model.requests) == heard


@pytest.mark.usefixtures("library")
async def test_beyond_the_budget_the_model_is_not_asked(
    client: httpx.AsyncClient, model: ChatServer
) -> None:
    await client.put("/api/v1/budgets", json={"day": {"tokens": 10}})
    answer, events = await ask(client)
    assert answer["answered"]
    assert "1874" in answer["response"]
    assert model.requests == []
    assert "budget_exceeded" in notices(events)


def requests_beyond(asked: int) -> Callable[[ChatServer], bool]:
    return lambda now: len(now.requests) > asked


def closings_beyond(seen: int) -> Callable[[ChatServer], bool]:
    return lambda now: len(now.closed) > seen


@pytest.mark.usefixtures("library")
async def test_cancelling_a_run_hangs_up_at_the_provider(
    client: httpx.AsyncClient, model: ChatServer, storm: bool
) -> None:
    # Two seconds are promised; beside other work on the same machine they are nobody's to promise.
    most = 2 if storm else 20
    for reply in (SILENT, say(GOOD, stall_after=2)):
        model.script.append(reply)
        seen, asked = len(model.closed), len(model.requests)
        path = "/api/v1/conversations"
        talk = (await client.post(path, json={})).json()["id"]
        run = (await client.post(f"{path}/{talk}/runs", json={"input": ASKED})).json()["id"]
        assert await asyncio.to_thread(model.wait_for, requests_beyond(asked), 30)
        began = time.monotonic()
        assert (await client.post(f"/api/v1/runs/{run}/cancel")).status_code < 300
        assert await asyncio.to_thread(model.wait_for, closings_beyond(seen), most + 1)
        assert model.closed[-1] - began < most
