"""The guide to tools, run as it is written, with a scripted model that calls the tool."""

import json
import os
import re
import subprocess
from pathlib import Path

from tests.contract.chat_server import Body, ChatServer, Reply, call, say
from tests.journeys.conftest import Server, citewell

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "write-a-tool.md"
QUESTION = "Until when is the help desk open on Friday?"


def block(kind: str, number: int = 0) -> str:
    """One of the guide's blocks of this kind."""
    found = re.findall(rf"```{kind}\n(.*?)```", GUIDE.read_text("utf-8"), flags=re.DOTALL)
    return str(found[number])


def answer_with_the_tool(body: Body) -> Reply:
    """Calls the tool where it is offered, then says what it gave; anything else gets no plan."""
    if not body.get("tools"):
        return say("READY")
    if body["messages"][-1]["role"] == "tool":
        return say("On Friday it is open from 9 to 15.")
    return call("opening_hours", {"weekday": "Friday"})


def test_a_tool_of_the_guide_answers_a_question(
    idle: Server, tmp_path: Path, model: ChatServer
) -> None:
    (tmp_path / "opening_hours.py").write_text(block("python"), encoding="utf-8")
    said = dict(re.findall(r"export (\w+)=(\S+)", block("sh")))
    assert said.pop("PYTHONPATH") == "$PWD"
    idle.settings = {
        "OPENAI_BASE_URL": model.base_url,
        "CITEWELL_LLM__MODEL": "openai:scripted",
        "PYTHONPATH": str(tmp_path),
        **said,
    }
    idle.start()
    model.answer = answer_with_the_tool
    with idle.client() as client:
        answer = client.post("/query", json={"input": QUESTION}).json()
        events = client.get(f"/api/v1/runs/{answer['run_id']}/events?after=-1").text
    assert answer["response"] == "On Friday it is open from 9 to 15."
    assert (answer["answered"], answer["reason"]) == (True, "computed")
    [first, *_] = [one for one in model.requests if one.get("tools")]
    assert "opening_hours" in [one["function"]["name"] for one in first["tools"]]
    for kind in ("START", "ARGS", "END", "RESULT"):
        assert events.count(f'"TOOL_CALL_{kind}"') == 1
    idle.close()


def wants_to_call_back(body: Body) -> Reply:
    if not body.get("tools"):
        return say("READY")
    if body["messages"][-1]["role"] == "tool":
        return say("Ada is on the list of people to call back.")
    return call("call_back", {"name": "Ada", "reason": "the invoice"})


def test_a_tool_with_an_effect_of_the_guide_waits_for_a_word(
    idle: Server, tmp_path: Path, model: ChatServer
) -> None:
    kept = tmp_path / "callbacks.txt"
    code = block("python", 1)
    assert 'Path("callbacks.txt")' in code
    code = code.replace('Path("callbacks.txt")', f"Path({str(kept)!r})")
    (tmp_path / "callbacks.py").write_text(code, encoding="utf-8")
    idle.settings = {
        "OPENAI_BASE_URL": model.base_url,
        "CITEWELL_LLM__MODEL": "openai:scripted",
        "PYTHONPATH": str(tmp_path),
        "CITEWELL_TOOLS__ADDED": "callbacks:make",
    }
    idle.start()
    model.answer = wants_to_call_back
    with idle.client() as client:
        answer = client.post("/query", json={"input": "Put Ada on the list."}).json()
        shown = json.loads(re.sub("…", "", block("json")))
        assert answer["reason"] == shown["reason"]
        [asked] = answer["interrupts"]
        assert {name: asked[name] for name in ("tool", "arguments")} == {
            name: shown["interrupts"][0][name] for name in ("tool", "arguments")
        }
        assert not kept.exists()
        names = {"SERVER": idle.address, "KEY": idle.key}
        names |= {"RUN": answer["run_id"], "INTERRUPT": asked["id"]}
        done = subprocess.run(
            ["sh", "-ec", block("sh", 1)],
            env={**os.environ, **names},
            capture_output=True,
            text=True,
        )
        begun = json.loads(done.stdout)
        events = client.get(f"/api/v1/runs/{begun['id']}/events?after=-1").text
    assert '"type":"RUN_FINISHED"' in events
    assert "Ada is on the list" in events
    assert kept.read_text("utf-8") == "Ada: the invoice\n"
    idle.close()


def test_a_tool_that_is_not_there_stops_the_start(home: Path) -> None:
    done = citewell(home, "serve", CITEWELL_TOOLS__ADDED="opening_hours:make", PORT="0")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "CITEWELL_TOOLS__ADDED names 'opening_hours:make'" in done.stderr
