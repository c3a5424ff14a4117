"""The guide to several agents, run as it is written, against a scripted model."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import citewell
from tests.contract.chat_server import ChatServer
from tests.journeys.conftest import WATCHED, environment, processes_of
from tests.unit.agent.decisions import Decider, quoting

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "several-agents.md"
PLAN = {
    "route": "team",
    "hops": [
        {"asks": "How many passengers a day did the ferry carry in 2022?"},
        {"asks": "How many passengers a day did the ferry carry in 2024?"},
    ],
}
ANSWER = "In 2022 the ferry carried 980 passengers a day [1]. In 2024, carried 1250 a day [2]."


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text("utf-8"), flags=re.DOTALL)


def with_member(folder: Path) -> Path:
    """The product with the guide's file and line in it, everything else being as it is."""
    source = Path(citewell.__file__).parent
    package, team = folder / "citewell", folder / "citewell" / "agent" / "team"
    team.mkdir(parents=True)
    for original, copy in ((source, package), (source / "agent", package / "agent")):
        for entry in original.iterdir():
            if not (copy / entry.name).exists():
                (copy / entry.name).symlink_to(entry)
    for entry in (source / "agent" / "team").glob("*.py"):
        (team / entry.name).write_text(entry.read_text("utf-8"), "utf-8")
    [file], [line] = blocks("python"), blocks("text")
    (team / "timeline.py").write_text(file, "utf-8")
    registry = (team / "registry.py").read_text("utf-8")
    registry = registry.replace("import analyst", "import analyst, timeline")
    registry = registry.replace("    analyst.MEMBER,\n", f"    analyst.MEMBER,\n{line}")
    (team / "registry.py").write_text(registry, "utf-8")
    return folder


def found(body: dict[str, Any]) -> dict[str, Any]:
    year = "2022" if "in 2022?" in str(body["messages"][-1]["content"]) else "2024"
    return quoting(body, rf"(In {year} the ferry carried \d+ passengers a day)")


def test_a_team_works_and_an_agent_is_one_file_and_one_line(
    home: Path, tmp_path: Path, model: ChatServer
) -> None:
    model.answer = decider = Decider(
        {
            "plan": PLAN, "hop": found, "review": {"enough": True},
            "analyst": {"expression": "1250 - 980"}, "answer": ANSWER,
        }
    )  # fmt: skip
    path = f"{with_member(tmp_path / 'source')}:{WATCHED}"
    script = blocks("sh")[0].replace("citewell ", f"{sys.executable} -m citewell.cli.main ")
    done = subprocess.run(
        ["bash", "-euc", script],
        env={
            **environment(home, PYTHONPATH=path, OPENAI_BASE_URL=model.base_url),
            "CITEWELL_LLM__MODEL": "openai:scripted",
            "PATH": os.environ["PATH"],
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ANSWER in done.stdout
    steps = re.findall(r"… ([\w#]+)", done.stderr)
    assert {"retriever#1", "retriever#2", "analyst", "timeline"} <= set(steps), done.stderr
    assert steps.index("retriever#2") < steps.index("analyst") < steps.index("timeline")
    [written] = decider.asked["answer"]
    assert "1250 - 980 = 270" in written
    assert "in the order of time, 2022, then 2024" in written
    assert processes_of(home) == []
