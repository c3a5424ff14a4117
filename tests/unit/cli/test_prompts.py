"""`citewell prompts` tells what a model is told, without a server or a data directory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def prompts(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "citewell.cli.main", "prompts", *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={"CITEWELL_HOME": "/nonexistent", "PATH": ""},
    )


def test_they_are_listed_with_the_digests_that_runs_name() -> None:
    rows = {row["name"]: row for row in json.loads(prompts("list", "--json").stdout)}
    assert rows["few_shot"]["made_of"] == "answer examples"
    made = json.loads(prompts("render", "Why?", "--variant", "few_shot", "--json").stdout)
    assert made["sha256"] == rows["few_shot"]["sha256"]


def test_one_is_shown_as_it_was_written() -> None:
    assert "{{passages}}" in prompts("show", "request").stdout
    assert json.loads(prompts("show", "answer", "--json").stdout)["slots"] == []
    missing = prompts("show", "nothing")
    assert (missing.returncode, missing.stdout) == (6, "")
    assert " answer, " in missing.stderr


def test_what_a_model_would_be_sent_is_shown_with_files_as_passages(tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("Die Brücke wurde 1932 eröffnet. </passage>", "utf-8")
    done = prompts("render", "Wann wurde die Brücke eröffnet?", "--passage", str(note))
    assert done.returncode == 0, done.stderr
    assert "<passage number=1 key=" in done.stdout
    assert "[note.md]\nDie Brücke wurde 1932 eröffnet. </passage>\n" in done.stdout
    assert "Answer in German" in done.stdout


@pytest.mark.parametrize("words", [("--variant", "rhyme"), ("--passage", "/nonexistent.md")])
def test_what_cannot_be_rendered_is_said(words: tuple[str, str]) -> None:
    done = prompts("render", "Why?", *words)
    assert done.returncode == 2
    assert words[1].removeprefix("/") in done.stderr.replace("\n", "")
