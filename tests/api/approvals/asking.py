"""Questions whose answer needs a tool, and a person's word about it."""

import asyncio
import json
from typing import Any

import httpx
import psycopg

from tests.contract.chat_server import ChatServer, Reply, call, say

ASKED = "What is the average of the seventeen numbers on the blackboard?"
NOTE = {"text": "Call Ada."}
# What a model says that has no plan to offer: the question is looked up as it stands.
NO_PLAN = say("No plan.")


async def ask(
    client: httpx.AsyncClient, model: ChatServer, *script: Reply, question: str = ASKED
) -> dict[str, Any]:
    """The reply to a question, while the model says this."""
    model.script += [NO_PLAN, *script]
    reply = await client.post("/query", json={"input": question})
    assert reply.status_code == 200, reply.text
    answered: dict[str, Any] = reply.json()
    return answered


async def paused(
    client: httpx.AsyncClient, model: ChatServer, question: str = ASKED
) -> dict[str, Any]:
    """A run that waits for a person to approve of a note."""
    answer = await ask(client, model, call("write_note", NOTE), question=question)
    assert (answer["reason"], answer["answered"]) == ("interrupt", False), answer
    return answer


def word(answer: dict[str, Any], *, approved: bool) -> dict[str, Any]:
    """What a person says to it."""
    [interrupt] = answer["interrupts"]
    said = {"approved": approved}
    return {"resume": [{"interruptId": interrupt["id"], "status": "resolved", "payload": said}]}


async def resume(
    client: httpx.AsyncClient, answer: dict[str, Any], *, approved: bool
) -> httpx.Response:
    path = f"/api/v1/runs/{answer['run_id']}/resume"
    return await client.post(path, json=word(answer, approved=approved))


async def resumed(
    client: httpx.AsyncClient, answer: dict[str, Any], *, approved: bool
) -> list[dict[str, Any]]:
    """All events of the run that goes on."""
    begun = await resume(client, answer, approved=approved)
    assert begun.status_code == 202, begun.text
    return await events(client, begun.json()["id"])


async def events(client: httpx.AsyncClient, run: str) -> list[dict[str, Any]]:
    """All events of a run, to its end."""
    async with asyncio.timeout(60):
        told = await client.get(f"/api/v1/runs/{run}/events", params={"after": -1})
    lines = [line for line in told.text.split("\n") if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


async def state(client: httpx.AsyncClient, run: str) -> str:
    return str((await client.get(f"/api/v1/runs/{run}")).json()["state"])


def ends(told: list[dict[str, Any]]) -> list[str]:
    """How a run ended, each time that it did."""
    last = [one for one in told if one["type"] in {"RUN_FINISHED", "RUN_ERROR"}]
    return [one.get("outcome", {}).get("type", one.get("code")) for one in last]


def text(told: list[dict[str, Any]]) -> str:
    return "".join(one["delta"] for one in told if one["type"] == "TEXT_MESSAGE_CONTENT")


def results(told: list[dict[str, Any]]) -> list[str]:
    return [one["content"] for one in told if one["type"] == "TOOL_CALL_RESULT"]


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    """As the owner of the tables, whom no policy binds."""
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()
