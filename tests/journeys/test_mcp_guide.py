"""The guide to MCP servers and the web, run as it is written, with a server and a program."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.chat_server import Body, ChatServer, Reply, call, say
from tests.contract.mcp_server import McpTestServer, mcp_server
from tests.journeys.conftest import Server

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "use-mcp-servers-and-the-web.md"
PROGRAM = """
from mcp.server.fastmcp import FastMCP
import os
mcp = FastMCP("clock", log_level="CRITICAL")

@mcp.tool(structured_output=False)
def zone() -> str:
    return os.environ["ZONE"]

mcp.run("stdio")
"""


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", GUIDE.read_text("utf-8"), flags=re.DOTALL)


def exported(text: str) -> dict[str, str]:
    return dict(re.findall(r"export (\w+)=(\S+)", text))


def commands(text: str) -> list[list[str]]:
    return [line.split()[1:] for line in text.splitlines() if line.startswith("citewell mcp")]


@pytest.fixture
def tools() -> Iterator[McpTestServer]:
    with mcp_server() as running:
        running.offer(
            lambda weekday: f"On {weekday} it is open from 9 to 15.",
            "opening_hours",
            "When the desk is open.",
        )
        yield running


def answer_with_the_tool(body: Body) -> Reply:
    if not body.get("tools"):
        return say("READY")
    if body["messages"][-1]["role"] == "tool":
        return say("On Friday it is open from 9 to 15.")
    return call("desk__opening_hours", {"weekday": "Friday"})


def test_the_guide_is_true(
    idle: Server, tmp_path: Path, tools: McpTestServer, model: ChatServer
) -> None:
    first, added, asked, program, web = blocks("sh")
    origin = tools.url.removesuffix("/mcp")
    [example] = blocks("json")
    (tmp_path / "clock.py").write_text(PROGRAM, encoding="utf-8")
    file = json.loads(example)
    file["mcpServers"]["clock"] |= {"command": sys.executable, "args": [str(tmp_path / "clock.py")]}
    named = tmp_path / "mcp.json"
    named.write_text(json.dumps(file), encoding="utf-8")
    said = exported(first) | exported(program) | exported(web)
    assert said.pop("CITEWELL_MCP__COMMANDS_FILE").endswith(".json")
    idle.settings = {
        "OPENAI_BASE_URL": model.base_url,
        "CITEWELL_LLM__MODEL": "openai:scripted",
        **said,
        "CITEWELL_MCP__ORIGINS": origin,
        "CITEWELL_MCP__COMMANDS_FILE": str(named),
    }
    idle.start()
    model.answer = answer_with_the_tool
    for words in commands(added) + commands(program):
        done = idle.cli(*(word.replace(said["CITEWELL_MCP__ORIGINS"], origin) for word in words))
        assert done.returncode == 0, done.stdout + done.stderr
    [question] = re.findall(r'citewell ask "(.*)"', asked)
    with idle.client() as client:
        reply = client.post("/query", json={"input": question}).json()
    assert (reply["response"], reply["reason"]) == (
        "On Friday it is open from 9 to 15.", "computed",
    )  # fmt: skip
    [request, *_] = [one for one in model.requests if one.get("tools")]
    offered = {one["function"]["name"] for one in request["tools"]}
    assert {"desk__opening_hours", "web_fetch", "web_search"} <= offered
    listed = idle.cli("--json", "mcp", "servers", "tools", "clock")
    assert [one["name"] for one in json.loads(listed.stdout)] == ["zone"], listed.stderr
    idle.close()
