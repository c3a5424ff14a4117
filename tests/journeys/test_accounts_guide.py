"""The guide to accounts, run as it is written, from an empty installation to one for many."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

from citewell.cli.main import app
from tests.journeys.conftest import Server, environment

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "accounts.md"
PASSWORD = "a lantern, unlit, at noon"
MAIL = "ada@example.org"


def commands() -> list[str]:
    """Every fenced block of shell commands, in order."""
    return re.findall(r"```sh\n(.*?)```", GUIDE.read_text("utf-8"), flags=re.DOTALL)


def shell(home: Path, **settings: str) -> Mapping[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**environment(home), "PATH": path, **settings}


@pytest.fixture
def server(idle: Server) -> Iterator[Server]:
    """Started as the last block says: where others can reach it, with the secrets made there."""
    block = commands()[-1].replace("citewell serve", "exec citewell serve")
    refused = subprocess.run(
        ["bash", "-c", block.splitlines()[-1]],
        env=shell(idle.home, PORT="0"), capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    assert "makes up none" in refused.stderr
    with idle.log.open("wb") as log, idle.output.open("wb") as output:
        idle.process = subprocess.Popen(
            ["bash", "-euc", block], env=shell(idle.home, PORT="0"), stdout=output, stderr=log
        )
    idle.wait_ready()
    assert "Sign in once" not in idle.output.read_text("utf-8")
    yield idle
    idle.close()


def run_block(server: Server, folder: Path, block: str) -> str:
    """What a block says; whatever asks for a password gets one."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        env=shell(server.home),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        input=f"{PASSWORD}\n",
        check=False,
    )
    assert done.returncode == 0, block + done.stdout + done.stderr
    return done.stdout


def status(server: Server, path: str, credential: str) -> int:
    headers = {"authorization": f"Bearer {credential}"}
    url = f"{server.address}{path}"
    return httpx.get(url, headers=headers, timeout=30, trust_env=False).status_code


def signed_in(server: Server, **form: str) -> str:
    """Ada's access token."""
    fields = {"username": MAIL, "password": PASSWORD, **form}
    url = f"{server.address}/api/v1/auth/token"
    reply = httpx.post(url, data=fields, timeout=30, trust_env=False)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["access_token"])


def test_the_guide_makes_an_installation_for_many_people(server: Server, tmp_path: Path) -> None:
    blocks = iter(commands()[:-1])

    def follow() -> str:
        return run_block(server, tmp_path, next(blocks))

    assert re.search(r"ada@example.org +editor", follow())
    before = signed_in(server)
    assert status(server, "/api/v1/me", before) == 200

    follow()
    key = tmp_path / "crawler.key"
    assert key.stat().st_mode & 0o077 == 0
    follow()
    for file in (key, tmp_path / "crawler.key.new"):
        assert status(server, "/api/v1/collections", file.read_text("ascii").strip()) == 200
        assert status(server, "/api/v1/users", file.read_text("ascii").strip()) == 403

    shares = follow()
    assert re.search(r"Ada +read", shares)
    assert re.search(r"editor and above +write", shares)
    with server.client() as owner:
        (left,) = owner.get("/api/v1/collections/plans/shares").json()["items"]
    assert left["role"] is None

    follow()
    assert status(server, "/api/v1/me", before) == 401, "what was open stays closed"
    open_ = signed_in(server)
    assert "crawler" in server.cli("keys", "list").stdout
    follow()
    assert status(server, "/api/v1/me", open_) == 401
    assert "crawler" not in server.cli("keys", "list").stdout
    listed = server.cli("sessions", "list")
    assert listed.returncode == 0, listed.stderr
    record = follow()
    for action in ("user.create", "key.rotate", "collection.unshare", "session.close_all"):
        assert action in record
    during = signed_in(server)
    assert "promoted" in follow()
    assert status(server, "/api/v1/me", during) == 200
    assert re.search(r"documents +0 +100000", follow())
    follow()
    assert status(server, "/api/v1/me", signed_in(server, tenant="North")) == 200
    assert list(blocks) == []


def test_every_command_in_the_guide_is_one_with_its_options() -> None:
    written = re.findall(r"citewell ([a-z][^\n`|>]*)", GUIDE.read_text("utf-8"))
    assert len(written) > len(commands())
    for line in written:
        command: Any = typer.main.get_command(app)
        words = line.split()
        while words and hasattr(command, "commands"):
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        known = {option for one in command.params for option in one.opts}
        assert {word for word in words if re.match(r"--?[a-z]", word)} <= known, line
