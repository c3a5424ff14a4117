"""The tool that reads a page of the public web."""

from collections.abc import Awaitable, Callable
from functools import partial

from langchain_core.tools import StructuredTool
from pydantic import Field

from citewell.agent.tools.contract import Arguments, Label, Maker, Setting, Tool
from citewell.domain.tools.web import WebPage

DESCRIPTION = (
    "Read a page of the public web by its address. Long pages come in pieces: read on from the"
    " number of characters that you have read already."
)
# With its address and title it fits into what a model is shown of a result.
MOST_SHOWN = 7_000
SECONDS = 45.0

ReadPage = Callable[[str], Awaitable[WebPage]]


class Fetched(Arguments):
    """Which page, and from where."""

    url: str = Field(min_length=1, max_length=2_000, description="http or https.")
    first: int = Field(0, ge=0, le=10_000_000, description="Number of the first character.")


def maker(read: ReadPage) -> Maker:
    """What makes the tool for a run."""

    def make(_: Setting) -> Tool:
        runs = StructuredTool.from_function(
            coroutine=partial(_fetched, read),
            name="web_fetch",
            description=DESCRIPTION,
            args_schema=Fetched,
        )
        return Tool(runs, frozenset({Label.EGRESS}), seconds=SECONDS)

    return make


async def _fetched(read: ReadPage, url: str, first: int) -> str:
    page = await read(url)
    piece = page.text[first : first + MOST_SHOWN]
    left = len(page.text) - first - len(piece)
    more = f"\n({left:,} characters are left; read on with first={first + len(piece)})"
    return f"{page.title}\n{page.url}\n\n{piece}{more if left > 0 else ''}".strip()
