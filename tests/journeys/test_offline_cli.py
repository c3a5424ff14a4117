"""Commands without a running server: one in this process, for as long as the command needs it."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.journeys.conftest import citewell, command, environment, processes_of, wait_until

pytestmark = pytest.mark.long

ESCAPE = "\x1b"


def test_commands_start_a_server_of_their_own_and_end_it(home: Path, tmp_path: Path) -> None:
    note = tmp_path / "light.txt"
    note.write_text("The lighthouse at Cape Ward was built in 1874.\n", "utf-8")
    added = citewell(home, "docs", "add", str(note))
    assert added.returncode == 0, added.stderr
    assert "1 added." in added.stderr
    assert ESCAPE not in added.stdout + added.stderr
    assert processes_of(home) == []

    asked = citewell(home, "--json", "ask", "When was the lighthouse built?")
    assert asked.returncode == 0, asked.stderr
    assert "1874" in json.loads(asked.stdout)["response"]
    listed = citewell(home, "--json", "docs", "list")
    assert [one["filename"] for one in json.loads(listed.stdout)] == ["light.txt"]
    assert ESCAPE not in citewell(home, "search", "lighthouse").stdout
    assert processes_of(home) == []


def test_exit_codes_tell_what_went_wrong(home: Path, tmp_path: Path) -> None:
    missing = "018f0000-0000-7000-8000-000000000000"
    assert citewell(home, "docs", "show", missing).returncode == 6
    assert citewell(home, "nonsense").returncode == 2
    assert citewell(home, "docs", "add", str(tmp_path / "absent.txt")).returncode == 3
    refused = citewell(home, "--json", "collections", "show", "absent")
    assert refused.returncode == 6
    assert json.loads(refused.stderr.splitlines()[-1])["exit"] == 6
    assert citewell(home, "--server", "http://127.0.0.1:9", "docs", "list").returncode == 5
    denied = citewell(home, "docs", "list", CITEWELL_API_KEY="cw_wrong")
    assert denied.returncode == 4
    assert processes_of(home) == []


def test_the_checks_pass_on_a_fresh_data_directory(home: Path) -> None:
    for words in (("doctor",), ("index", "verify"), ("doctor",), ("db", "check"), ("jobs", "list")):
        done = citewell(home, "--json", *words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        json.loads(done.stdout)
    assert processes_of(home) == []


def test_an_interrupted_command_ends_its_server_and_says_130(home: Path, tmp_path: Path) -> None:
    note = tmp_path / "long.md"
    note.write_text("".join(f"Sentence number {n} is here.\n\n" for n in range(20_000)), "utf-8")
    process = subprocess.Popen(
        command("docs", "add", str(note)),
        env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_until(lambda: (home / "blobs").exists() and any((home / "blobs").rglob("*")), "an upload")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said.decode()
    assert b"Traceback" not in said
    wait_until(lambda: not processes_of(home), "the end of every process")
