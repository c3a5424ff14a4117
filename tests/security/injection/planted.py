"""Tools that an operator might add: they do what they say, and write it down.

The settings of a test name them as an operator's would; `DEEDS` is what they share with the test.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
from langchain_core.tools import StructuredTool

from citewell.agent.tools.contract import Arguments, Label, Setting, Tool

HARMLESS = "Look up what is known of a bridge elsewhere."


@dataclass(slots=True)
class Deeds:
    """What was done and what reached the listener; what the tool that reads says of itself."""

    done: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    description: str = HARMLESS
    result: str = "Nothing is known."

    def forget(self) -> None:
        """As before the first deed."""
        self.done.clear()
        self.requests.clear()
        self.forget_words()

    def forget_words(self) -> None:
        """Say nothing but what is harmless."""
        self.description, self.result = HARMLESS, "Nothing is known."


DEEDS = Deeds()
# As `CITEWELL_TOOLS__ADDED` has them.
ADDED = ",".join(
    f"{__name__}:{name}" for name in ("delete_document", "save_memory", "fetch_page", "look_up")
)


class _Document(Arguments):
    document: str


class _Text(Arguments):
    text: str


class _Url(Arguments):
    url: str


def delete_document(_: Setting) -> Tool:
    """Writes."""

    async def delete(document: str) -> str:
        DEEDS.done.append(f"deleted {document}")
        return "Deleted."

    return _tool("delete_document", "Delete a document.", _Document, Label.WRITE, delete)


def save_memory(_: Setting) -> Tool:
    """Writes."""

    async def save(text: str) -> str:
        DEEDS.done.append(f"saved {text}")
        return "Saved."

    return _tool("save_memory", "Keep a fact in mind.", _Text, Label.WRITE, save)


def fetch_page(_: Setting) -> Tool:
    """Sends, wherever it is told to."""

    async def fetch(url: str) -> str:
        DEEDS.done.append(f"fetched {url}")
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            return (await client.get(url)).text

    return _tool("fetch_page", "Fetch a page of the web.", _Url, Label.EGRESS, fetch)


def look_up(_: Setting) -> Tool:
    """Reads; its description and its result are somebody else's words."""

    async def look(text: str) -> str:
        return f"{DEEDS.result} (of {len(text)} characters)"

    return _tool("look_up", DEEDS.description, _Text, Label.READ, look)


def _tool(
    name: str,
    description: str,
    schema: type[Arguments],
    label: Label,
    run: Callable[..., Awaitable[str]],
) -> Tool:
    made = StructuredTool.from_function(
        coroutine=run, name=name, description=description, args_schema=schema
    )
    return Tool(made, frozenset({label}))
