"""Servers of tools that are processes of this machine: the operator's word, bounded, and ended."""

import json
import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest

from citewell.domain.errors import AppError, InvalidError, StartError
from citewell.domain.tools.servers import Offered, Place
from citewell.inference.mcp.commands import Command, read_commands
from citewell.inference.mcp.service import ToolServers

SERVER = '''
import os, subprocess, sys
from mcp.server.fastmcp import FastMCP
mcp = FastMCP("clock", log_level="CRITICAL")

@mcp.tool(structured_output=False)
def surroundings() -> str:
    """What it sees."""
    return "\\n".join(sorted(f"{name}={value}" for name, value in os.environ.items()))

@mcp.tool(structured_output=False)
def child() -> str:
    """Start somebody who stays."""
    return str(subprocess.Popen(["sleep", "60"]).pid)

mcp.run("stdio")
'''
PLACE = Place("clock", command="clock")
LIMIT = 256 << 10


def running(*words: str, seconds: float = 30.0, **environment: str) -> ToolServers:
    command = Command(words, {"PATH": "/usr/bin:/bin", **environment})
    return ToolServers(commands={"clock": command}, seconds=seconds, most=LIMIT)


@pytest.fixture
def servers(tmp_path: Path) -> ToolServers:
    (tmp_path / "clock.py").write_text(SERVER)
    return running(sys.executable, str(tmp_path / "clock.py"), CLOCK="42")


async def test_a_process_sees_what_the_operator_has_said_and_ends_with_all_that_it_has_started(
    servers: ToolServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-model")
    found = {one.name: one for one in await servers.offered(PLACE)}

    async def call(tool: str) -> str:
        result = await servers.call(PLACE, found[tool], {})
        return "\n".join(part.text for part in result.content if part.type == "text")

    seen = dict(line.split("=", 1) for line in (await call("surroundings")).splitlines())
    seen.pop("LC_CTYPE", None)  # Python's own, of the C locale (PEP 538).
    assert seen == {"PATH": "/usr/bin:/bin", "CLOCK": "42"}
    left = int(await call("child"))
    deadline = time.monotonic() + 10
    while psutil.pid_exists(left) and psutil.Process(left).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline


WRONGS = {
    "is not there": (("/no/such/program",), "cannot be started"),
    "ends at once": ((sys.executable, "-c", "pass"), "has ended by itself"),
    "speaks something else": ((sys.executable, "-c", "print('Welcome'); input()"), "no message"),
    "never answers": ((sys.executable, "-c", "import time; time.sleep(60)"), "did not answer"),
    "one line without end": (
        (sys.executable, "-c", "import sys\nwhile True: sys.stdout.write('x' * 65536)"),
        "more than 256 kB",
    ),
    "lines without end": (
        (sys.executable, "-c", 'while True: print(\'{"jsonrpc":"2.0","method":"x"}\')'),
        "more than 256 kB",
    ),
}


@pytest.mark.parametrize("wrong", WRONGS)
async def test_a_process_that_does_wrong_is_told_of_and_ended(wrong: str) -> None:
    words, told = WRONGS[wrong]
    before = {one.pid for one in psutil.Process().children()}
    servers = running(*words, seconds=3.0 if wrong == "never answers" else 30.0)
    with pytest.raises(AppError, match=told):
        await servers.offered(PLACE)
    assert {one.pid for one in psutil.Process().children()} <= before


async def test_a_command_is_known_by_its_name_alone() -> None:
    servers = running("/bin/true")
    for command in ("/bin/true", "clock; true", "Clock", ""):
        with pytest.raises(InvalidError, match="no such command"):
            await servers.call(Place("clock", command=command), Offered("a", "", {}), {})


def test_commands_are_read_as_other_programs_write_them(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    entry = {"command": "uvx", "args": ["clock"], "env": {"KEY": "a"}}
    file.write_text(json.dumps({"mcpServers": {"clock": entry}}))
    [(name, command)] = read_commands(file).items()
    assert (name, command.words, command.environment["KEY"]) == ("clock", ("uvx", "clock"), "a")
    assert "KEY" not in repr(command)
    assert read_commands(None) == {}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"mcpServers": {"clock": {}}}', '{"servers": {}}',
     '{"mcpServers": {"Clock": {"command": "a"}}}',
     '{"mcpServers": {"clock": {"command": "a", "cwd": "SECRET-VALUE"}}}'],
)  # fmt: skip
def test_a_file_of_commands_that_is_none_ends_the_start_without_its_secrets(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "mcp.json"
    file.write_text(text)
    with pytest.raises(StartError, match="CITEWELL_MCP__COMMANDS_FILE") as caught:
        read_commands(file)
    assert "SECRET-VALUE" not in caught.value.message
    with pytest.raises(StartError, match="No such file"):
        read_commands(tmp_path / "nothing")
