"""The WebSocket and the terminal ask and answer like the rest: nobody says yes by accident."""

import asyncio
import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from websockets.asyncio.client import connect

from citewell.bootstrap import App
from tests.api.approvals.asking import ASKED, NO_PLAN, NOTE, word
from tests.api.conftest import listening
from tests.api.terminal import Terminal
from tests.contract.chat_server import ChatServer, call, say
from tests.effects import done
from tests.journeys.conftest import command

SECONDS = 60


async def told(socket: Any, message: dict[str, Any]) -> list[dict[str, Any]]:
    """What comes after the message, to the end of its run or a refusal."""
    await socket.send(json.dumps(message))
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(SECONDS):
        while True:
            frame = json.loads(await socket.recv())
            frames.append(frame)
            event = frame.get("event", {}).get("type")
            if "error" in frame or event in {"RUN_FINISHED", "RUN_ERROR"}:
                return frames


async def test_the_socket_asks_and_goes_on_in_the_run_that_it_names(
    app: App, api: FastAPI, model: ChatServer, effects: Path
) -> None:
    model.script += [NO_PLAN, call("write_note", NOTE)]
    headers = {"authorization": f"Bearer {app.admin_key}"}
    async with (
        listening(api) as address,
        connect(f"ws://{address}/ws", additional_headers=headers, proxy=None) as socket,
    ):
        frames = await told(socket, {"input": ASKED})
        paused, outcome = frames[-1]["run"], frames[-1]["event"]["outcome"]
        assert outcome["type"] == "interrupt"
        said = {"op": "resume_interrupt", "id": "yes", "run": paused}
        [refused] = await told(socket, said)
        assert "needs `resume`" in refused["error"]["detail"]
        said |= word({"interrupts": outcome["interrupts"]}, approved=True)
        model.script.append(say("Done."))
        frames = await told(socket, said)
        assert frames[0]["id"] == "yes"
        assert frames[0]["run"] != paused
        assert {one["run"] for one in frames} == {frames[0]["run"]}
        [again] = await told(socket, said)
        assert again["error"]["code"] == "conflict"
    assert done(effects) == ["write_note: Call Ada."]


def at_a_terminal(terminal: Terminal, typed: str, *words: str) -> subprocess.CompletedProcess[str]:
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    try:
        return subprocess.run(
            command(*words),
            env={**os.environ, **terminal.environment, "TERM": "dumb"},
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(
    ("typed", "words", "written"),
    [
        ("yes\n", ("ask", "--no-stream", ASKED), 1),
        ("\n", ("ask", ASKED), 0),
        (f"{ASKED}\ny\n/exit\n", ("chat",), 1),
    ],
)
async def test_a_terminal_shows_the_exact_call_and_asks(
    terminal: Terminal,
    model: ChatServer,
    effects: Path,
    typed: str,
    words: tuple[str, ...],
    written: int,
) -> None:
    unseen = {"text": "Call \u202eAda\u2069."}
    model.script += [NO_PLAN, call("write_note", unseen), say("The model has gone on.")]
    ended = await asyncio.to_thread(at_a_terminal, terminal, typed, *words)
    assert ended.returncode == 0, ended.stderr
    assert "Allow this? [y/N]" in ended.stderr
    assert '"text": "Call \\u{202e}Ada\\u{2069}."' in ended.stderr
    assert len(done(effects)) == written
    if written:
        assert "The model has gone on." in ended.stdout


@pytest.mark.parametrize("form", ["--json", "--stream"])
async def test_without_a_terminal_the_word_is_no_and_it_says_so(
    terminal: Terminal, model: ChatServer, effects: Path, form: str
) -> None:
    model.script += [NO_PLAN, call("write_note", NOTE), say("READY")]
    ended = await terminal.type("ask", ASKED, form)
    assert ended.exit_code == 0, ended.output
    assert "there is no terminal at which somebody could say yes" in ended.stderr
    assert done(effects) == []
    if form == "--json":
        answer = json.loads(ended.stdout)
        assert (answer["interrupts"], answer["answered"]) == ([], False)
