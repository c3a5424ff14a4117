"""The guide to language models, run as it is written, against a scripted model."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.chat_server import ChatServer, chat_server, fail, say
from tests.journeys.conftest import citewell, environment, processes_of

pytestmark = pytest.mark.long

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "use-your-model.md"
FIRST, SECOND = "http://127.0.0.1:8000/v1", "http://127.0.0.1:8001/v1"


@pytest.fixture
def model() -> Iterator[ChatServer]:
    with chat_server() as running:
        running.answer = lambda _: say("Yes.")
        yield running


@pytest.fixture
def fallback() -> Iterator[ChatServer]:
    with chat_server() as running:
        running.answer = lambda _: say("Yes.")
        yield running


def test_every_command_of_the_guide_does_what_it_says(
    home: Path, model: ChatServer, fallback: ChatServer
) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text("utf-8"), flags=re.DOTALL)
    # OpenAI itself is out of reach of a test: what is asked of it goes to the scripted server.
    text = "\n".join([f"export OPENAI_BASE_URL={FIRST}", *blocks])
    text = text.replace(FIRST, model.base_url).replace(SECOND, fallback.base_url)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", text.replace("citewell doctor", "citewell --json doctor")],
        env={**environment(home), "PATH": path},
        cwd=GUIDE.parents[2],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(r'"(\w+:[\w.-]+) answers in', done.stdout)
    assert found == ["openai:gpt-4o-mini", *["openai:qwen3-8b"] * 2]
    asked = [one.body["model"] for one in model.heard]
    assert asked == ["gpt-4o-mini", "qwen3-8b", "qwen3-8b"]
    assert model.heard[0].headers["authorization"] == "Bearer sk-your-key"
    assert [one.body["model"] for one in fallback.heard] == ["small"]
    assert {one.headers["authorization"] for one in fallback.heard} == {"Bearer none"}
    assert processes_of(home) == []


def test_a_model_without_its_library_stops_the_start_with_the_remedy(home: Path) -> None:
    done = citewell(home, "serve", CITEWELL_LLM__MODEL="xai:grok-4", PORT="0")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "pip install langchain-xai" in done.stderr
    assert processes_of(home) == []


def ask(home: Path, model: ChatServer) -> subprocess.CompletedProcess[str]:
    question = "When was the harbour bridge opened?"
    named = "openai:scripted"
    return citewell(
        home, "ask", question, CITEWELL_LLM__MODEL=named, OPENAI_BASE_URL=model.base_url
    )


def test_a_written_answer_shows_what_holds_and_what_does_not(
    home: Path, tmp_path: Path, model: ChatServer
) -> None:
    note = tmp_path / "bridge.txt"
    note.write_text("The harbour bridge was opened in 1932 by the governor.\n", "utf-8")
    added = citewell(home, "docs", "add", str(note))
    assert added.returncode == 0, added.stderr
    wrong = "The harbour bridge was opened in 1932 [1]. It was closed in 1999 [1]. It is pretty."
    model.answer = lambda _: say(wrong)
    asked = ask(home, model)
    assert asked.returncode == 0, asked.stderr
    assert wrong in asked.stdout
    told = re.findall(r"NOT SUPPORTED \((\w+)\): (.*)", asked.stdout)
    assert told == [
        ("unsupported_number", "It was closed in 1999 [1]."),
        ("no_citation", "It is pretty."),
    ]
    assert asked.stdout.count(", verified") == 1
    model.answer = lambda _: fail(401, "No such key.")
    asked = ask(home, model)
    assert "opened in 1932 by the governor. [1]" in asked.stdout
    assert "model_unavailable" in asked.stderr
    assert processes_of(home) == []
