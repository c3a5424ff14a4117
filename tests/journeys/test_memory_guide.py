"""The guide to memory, run as it is written: questions that lean, facts, a memory of one's own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from citewell.chat.memory import MOST_TURNS
from tests.journeys.conftest import WATCHED, Server, add, environment, settled

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "write-a-memory.md"
TEXT = b"The lighthouse at Cape Ward was built in 1874. The lighthouse has ninety steps.\n"


def blocks(kind: str) -> list[str]:
    """Every fenced block of this kind, in order."""
    return re.findall(rf"```{kind}\n(.*?)```", GUIDE.read_text("utf-8"), flags=re.DOTALL)


def run_block(server: Server, block: str) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        env={**environment(server.home), "PATH": path},
        capture_output=True,
        text=True,
        timeout=180,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, block + done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def server(idle: Server, tmp_path: Path) -> Iterator[Server]:
    """Started with the memory of the guide, as its last block says."""
    (source,) = blocks("python")
    (tmp_path / "my_memory.py").write_text(source, "utf-8")
    named = re.search(r"CITEWELL_MEMORY=(\S+)", blocks("sh")[-1])
    assert named is not None
    path = f"{WATCHED}{os.pathsep}{tmp_path}"
    idle.settings = {"PYTHONPATH": path, "CITEWELL_MEMORY": named[1]}
    idle.start()
    yield idle
    idle.close()


def test_the_guide_to_memory_runs_as_it_is_written(server: Server) -> None:
    with server.client() as client:
        settled(client, add(client, "coast.txt", TEXT)["id"])
        asking, facts, _ = blocks("sh")
        said = run_block(server, asking)
        assert "1874" in said
        assert "ninety steps" in said
        assert "How many steps does it have?" in said
        kept = run_block(server, facts)
        assert "my lighthouse is Cape Ward" in kept
        assert "1874" in kept
        page = client.get("/api/v1/conversations").json()["items"]
        within = next(one["id"] for one in page if one["turns"] == 3)
        for number in range(MOST_TURNS + 1):
            question = {"input": f"Who was the keeper Old Tom {number}?", "conversation": within}
            assert client.post("/query", json=question).status_code == 200
        shown = client.get(f"/api/v1/conversations/{within}/context").json()
    assert [one["content"] for one in shown["history"] if one["role"] == "user"] == [
        f"Who was the keeper Old Tom {number}?" for number in (MOST_TURNS - 1, MOST_TURNS)
    ]
    assert shown["summary"].splitlines()[:2] == ["Cape Ward", "Old Tom"]


def test_a_memory_that_cannot_be_imported_stops_the_start(idle: Server) -> None:
    idle.settings = {"CITEWELL_MEMORY": "my_memory:Names"}
    idle.launch()
    assert idle.running.wait(90) == 1
    assert "CITEWELL_MEMORY" in idle.tail() + idle.output.read_text("utf-8")
