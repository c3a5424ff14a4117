"""A server is killed while a run waits for a person, and while an approved call has its effect."""

import json
import time
from pathlib import Path
from typing import Any

import httpx

from tests.api.approvals.asking import ASKED, NO_PLAN, NOTE, word
from tests.contract.chat_server import ChatServer, Reply, call, say
from tests.effects import FILE, done
from tests.journeys.conftest import WATCHED, Server, wait_until

ROOT = Path(__file__).parents[2]
WITHIN_SECONDS = 30.0


def wants(tool: str) -> Any:
    """A model that calls this tool once, and is done when it has seen what came of it."""

    def answer(body: dict[str, Any]) -> Reply:
        if not body.get("tools"):
            return NO_PLAN
        is_told = body["messages"][-1]["role"] == "tool"
        return say("Done.") if is_told else call(tool, NOTE)

    return answer


def ask(client: httpx.Client) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/query", json={"input": ASKED}).json()
    assert answer["reason"] == "interrupt", answer
    return answer


def resume(client: httpx.Client, answer: dict[str, Any]) -> httpx.Response:
    path = f"/api/v1/runs/{answer['run_id']}/resume"
    return client.post(path, json=word(answer, approved=True))


def events(client: httpx.Client, run: str) -> list[dict[str, Any]]:
    lines = client.get(f"/api/v1/runs/{run}/events").text.split("\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def killed_and_started(server: Server) -> float:
    """When it was killed."""
    server.kill()
    at = time.monotonic()
    server.start()
    return at


def test_what_a_person_approved_of_happens_once_whenever_the_server_dies(
    idle: Server, tmp_path: Path, model: ChatServer
) -> None:
    effects = tmp_path / "effects"
    idle.settings = {
        "OPENAI_BASE_URL": model.base_url,
        "CITEWELL_LLM__MODEL": "openai:scripted",
        "CITEWELL_TOOLS__ADDED": "tests.effects:write_note,tests.effects:slow_note",
        "PYTHONPATH": f"{WATCHED}:{ROOT}",
        FILE: str(effects),
    }
    idle.start()
    model.answer = wants("write_note")
    with idle.client() as client:
        answer = ask(client)
    killed_and_started(idle)
    with idle.client(seconds=WITHIN_SECONDS) as client:
        assert client.get(f"/api/v1/runs/{answer['run_id']}").json()["state"] == "paused"
        told = events(client, resume(client, answer).json()["id"])
        assert told[-1]["outcome"]["type"] == "success", told[-1]
        assert done(effects) == ["write_note: Call Ada."]

        model.answer = wants("slow_note")
        answer = ask(client)
        begun = resume(client, answer).json()["id"]
        wait_until(lambda: len(done(effects)) == 2, "the effect")
    killed = killed_and_started(idle)
    with idle.client(seconds=WITHIN_SECONDS) as client:
        told = events(client, begun)
        assert time.monotonic() - killed < WITHIN_SECONDS
        ends = [one for one in told if one["type"] in {"RUN_FINISHED", "RUN_ERROR"}]
        assert [one.get("code") for one in ends] == ["interrupted_by_restart"]
        assert told[-1] == ends[0]
        assert resume(client, answer).status_code == 409
    assert done(effects) == ["write_note: Call Ada.", "slow_note: Call Ada."]
    idle.close()
