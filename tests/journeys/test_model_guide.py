"""The guide to language models, run as it is written, against a scripted model."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.chat_server import ChatServer, chat_server, say
from tests.journeys.conftest import citewell, environment, processes_of

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
