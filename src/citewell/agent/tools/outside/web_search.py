"""The tool that asks a search engine for pages of the web."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from langchain_core.tools import StructuredTool
from pydantic import Field

from citewell.agent.tools.contract import Arguments, Label, Maker, Setting, Tool
from citewell.domain.tools.web import WebHit

DESCRIPTION = (
    "Search the public web when the documents cannot know the answer. Gives addresses with a few"
    " words of each."
)
SECONDS = 15.0
MOST_HITS = 10

SearchWeb = Callable[[str, int], Awaitable[Sequence[WebHit]]]


class Searched(Arguments):
    """What to look for."""

    query: str = Field(min_length=1, max_length=300, description="A few words.")
    limit: int = Field(5, ge=1, le=MOST_HITS)


def maker(search: SearchWeb) -> Maker:
    """What makes the tool for a run."""

    def make(_: Setting) -> Tool:
        runs = StructuredTool.from_function(
            coroutine=partial(_searched, search),
            name="web_search",
            description=DESCRIPTION,
            args_schema=Searched,
        )
        return Tool(runs, frozenset({Label.EGRESS}), seconds=SECONDS)

    return make


def listed(hits: Sequence[WebHit]) -> str:
    """The results as a tool shows them."""
    return "\n\n".join(f"{one.title}\n{one.url}\n{one.words}".strip() for one in hits)


async def _searched(search: SearchWeb, query: str, limit: int) -> str:
    return listed(await search(query, limit)) or "Nothing was found."
