"""Tools with an effect, for tests that add them to a server: what they do can be counted."""

import asyncio
import os
from pathlib import Path

from langchain_core.tools import StructuredTool

from citewell.agent.tools.contract import SECONDS, Arguments, Label, Setting, Tool

# The file that each call adds a line to.
FILE = "CITEWELL_TEST_EFFECTS"


class Note(Arguments):
    """What to write down."""

    text: str


def write_note(_: Setting) -> Tool:
    """Adds a line to a file: a write."""
    return _tool("write_note", Label.WRITE)


def send_note(_: Setting) -> Tool:
    """As `write_note`, and says that it sends."""
    return _tool("send_note", Label.EGRESS)


def slow_note(_: Setting) -> Tool:
    """As `write_note`, and does not come back soon."""
    return _tool("slow_note", Label.WRITE, wait=60.0)


def done(file: Path) -> list[str]:
    """What was done, in order."""
    return file.read_text("utf-8").splitlines() if file.exists() else []


def _tool(name: str, label: Label, *, wait: float = 0.0) -> Tool:
    async def run(text: str) -> str:
        # As S11's rows are read: a line for each effect, whoever caused it.
        with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:  # noqa: ASYNC230  # A line.
            file.write(f"{name}: {text}\n")
        await asyncio.sleep(wait)
        return f"Noted: {text}"

    runs = StructuredTool.from_function(
        coroutine=run, name=name, description="Notes a text.", args_schema=Note
    )
    return Tool(runs, frozenset({label}), seconds=2 * wait or SECONDS)
