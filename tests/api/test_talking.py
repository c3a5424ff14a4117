"""`citewell ask`, `chat`, `runs` and `conversations`, against a real server."""

import asyncio
import json
import os
import pty
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from citewell.bootstrap import App
from citewell.domain.principal import Role
from tests.api.conftest import Keys, work_off
from tests.api.terminal import Terminal
from tests.journeys.conftest import command

TEXT = "The lighthouse at Cape Ward was built in 1874. The lighthouse has ninety steps."
BUILT = "When was the lighthouse at Cape Ward built?"
STEPS = "How many steps does the lighthouse have?"


@pytest.fixture
async def talker(terminal: Terminal, app: App) -> Terminal:
    """A terminal of somebody whose library has one document."""
    await terminal.done("docs", "add", "-", "--no-wait", sent=TEXT)
    await work_off(app)
    return terminal


async def answers(terminal: Terminal, *words: str, sent: str) -> list[dict[str, Any]]:
    said = await terminal.done("chat", "--json", *words, sent=sent)
    return [json.loads(line) for line in said.splitlines()]


async def test_lines_of_a_pipe_are_the_questions_of_one_conversation(talker: Terminal) -> None:
    ended = await talker.type("chat", sent=f"{BUILT}\n\n  \n{STEPS}\n")
    assert ended.exit_code == 0, ended.output
    assert "1874" in ended.stdout
    assert "ninety" in ended.stdout
    assert "verified" in ended.stdout
    assert "\x1b" not in ended.stdout
    assert "> " not in ended.stdout
    (listed,) = await talker.json("conversations", "list")
    assert (listed["title"], listed["turns"]) == (BUILT, 2)
    assert f"citewell chat --conversation {listed['id']}" in ended.stderr


async def test_every_answer_is_one_line_of_json_and_leaving_leaves(talker: Terminal) -> None:
    first, second = await answers(talker, sent=f"{BUILT}\n{STEPS}\n/exit\nWhy?\n")
    assert first["conversation_id"] == second["conversation_id"]
    assert "ninety" in second["response"]


async def test_a_conversation_goes_on_by_its_id_or_as_the_last_one(talker: Terminal) -> None:
    old = await talker.json("ask", BUILT)
    new = await talker.json("ask", BUILT)
    assert old["conversation_id"] != new["conversation_id"]
    by_id = await talker.json("ask", STEPS, "--conversation", old["conversation_id"])
    assert by_id["conversation_id"] == old["conversation_id"]
    # The one that was asked in last, not the one that was begun last.
    (last,) = await answers(talker, "--continue", sent=STEPS)
    assert last["conversation_id"] == old["conversation_id"]
    both = ("--continue", "--conversation", old["conversation_id"])
    assert "--continue" in await talker.refused(2, "ask", STEPS, *both)
    missing = "01a00000-0000-7000-8000-000000000000"
    assert missing in await talker.refused(6, "ask", STEPS, "--conversation", missing)


async def test_a_question_that_leans_says_with_steps_what_is_looked_for(talker: Terminal) -> None:
    await talker.done("ask", BUILT)
    ended = await talker.type("ask", "--steps", "--continue", "How many steps does it have?")
    assert ended.exit_code == 0, ended.output
    assert "looked for: How many steps does it have (Cape Ward)?" in ended.stderr
    assert "ninety" in ended.stdout


async def test_there_must_be_a_conversation_to_go_on_with(terminal: Terminal) -> None:
    assert "no conversation" in await terminal.refused(6, "chat", "--continue", sent="Why?\n")


async def test_a_refused_question_does_not_end_the_others_and_is_told(talker: Terminal) -> None:
    ended = await talker.type("chat", sent=f"{'x' * 9000}\n{BUILT}\n")
    assert ended.exit_code == 3, ended.output
    assert "1874" in ended.stdout
    assert "9,000" in ended.stderr
    assert (await talker.type("chat", sent=f"{'x' * 9000}\n")).exit_code == 2
    assert (await talker.type("chat", sent=f"{BUILT}\n", key="cw_" + "A" * 43)).exit_code == 4


async def test_runs_are_listed_shown_and_their_events_told(talker: Terminal) -> None:
    answered = await talker.json("ask", BUILT)
    await talker.json("ask", STEPS)
    within = ("--conversation", answered["conversation_id"])
    (run,) = await talker.json("runs", "list", *within, "--state", "finished")
    assert run["id"] == answered["run_id"]
    assert BUILT in await talker.done("runs", "list")
    shown = await talker.json("runs", "show", run["id"])
    assert (shown["state"], shown["request"]["text"]) == ("finished", BUILT)
    told = await talker.json("runs", "events", run["id"])
    assert [one["seq"] for one in told] == list(range(shown["head"] + 1))
    assert told[0]["event"]["type"] == "RUN_STARTED"
    assert told[-1]["event"]["type"] == "RUN_FINISHED"
    lines = (await talker.done("runs", "events", run["id"], "-o", "jsonl")).splitlines()
    assert [json.loads(line) for line in lines] == told
    later = await talker.json("runs", "events", run["id"], "--after", str(shown["head"]))
    assert later == []
    assert "TEXT_MESSAGE_CONTENT" in await talker.done("runs", "events", run["id"])
    assert (await talker.json("runs", "cancel", run["id"]))["cancel_requested"] is True
    assert (await talker.json("runs", "show", run["id"]))["state"] == "finished"


async def test_somebody_elses_runs_and_conversations_are_not_there(
    talker: Terminal, keys: Keys
) -> None:
    answered = await talker.json("ask", BUILT)
    stranger = await keys.make(Role.OWNER)
    run, within = answered["run_id"], answered["conversation_id"]
    for words in (
        ("runs", "show", run),
        ("runs", "events", run),
        ("runs", "cancel", run),
        ("runs", "list", "--conversation", within),
        ("conversations", "show", within),
        ("conversations", "rename", within, "Mine"),
        ("conversations", "rm", within, "--yes"),
        ("ask", STEPS, "--conversation", within),
    ):
        assert (await talker.type(*words, key=stranger)).exit_code == 6, words
    assert json.loads((await talker.type("runs", "list", "--json", key=stranger)).stdout) == []


async def test_a_conversation_is_read_renamed_and_removed(talker: Terminal) -> None:
    within = (await talker.json("ask", BUILT))["conversation_id"]
    shown = await talker.done("conversations", "show", within)
    assert shown.startswith(f"> {BUILT}\n")
    assert "1874" in shown
    await talker.done("conversations", "rename", within, "Coast")
    assert "Coast" in await talker.done("conversations", "list")
    assert "Say --yes" in await talker.refused(2, "conversations", "rm", within)
    await talker.done("conversations", "rm", within, "--yes")
    assert await talker.json("conversations", "list") == []


async def test_on_a_terminal_it_asks_for_the_next_question_until_the_input_ends(
    talker: Terminal,
) -> None:
    ended = await asyncio.to_thread(typed, f"{BUILT}\n{STEPS}\n\x04", talker.environment)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("> ") == 3
    assert "> " not in ended.stdout
    assert "ninety" in ended.stdout
    assert "citewell chat --conversation" in ended.stderr


def typed(text: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`citewell chat` of somebody who types this at a terminal."""
    ours, theirs = pty.openpty()
    os.write(ours, text.encode())
    try:
        return subprocess.run(
            command("chat"),
            env={**os.environ, **environment, "TERM": "dumb"},
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
