"""The tool that searches the collections of the question."""

from functools import partial

from langchain_core.tools import StructuredTool
from pydantic import Field

from citewell.agent.tools.contract import Arguments, Found, Label, Setting, Tool
from citewell.domain.passages import Passage, SearchQuery
from citewell.domain.principal import Scope

DESCRIPTION = (
    "Search the documents for passages about something, best first. Use it with other words when"
    " the passages that were found do not answer the question."
)
MOST_PASSAGES = 8


class Searched(Arguments):
    """What to look for."""

    query: str = Field(min_length=1, max_length=500, description="What the passages should say.")
    limit: int = Field(5, ge=1, le=MOST_PASSAGES)


def make(setting: Setting) -> Tool:
    """A search with the rights of the caller, in the collections that were asked."""
    return Tool(
        StructuredTool.from_function(
            coroutine=partial(_searched, setting),
            name="search",
            description=DESCRIPTION,
            args_schema=Searched,
            response_format="content_and_artifact",
        ),
        frozenset({Label.READ}),
        frozenset({Scope.SEARCH}),
        seconds=20.0,
    )


def listed(passages: tuple[Passage, ...]) -> str:
    """The passages as a tool shows them, each with what `read_document` needs to go on."""
    return "\n\n".join(f"{_named(one)}:\n{one.text}" for one in passages)


async def _searched(setting: Setting, query: str, limit: int) -> tuple[str, Found]:
    retrieval = setting.means.retrieval
    rerank = retrieval.reranks_every_look
    asked = SearchQuery(query, setting.collections, limit=limit, rerank=rerank)
    result = await retrieval.search(setting.principal, asked)
    return listed(result.passages) or "Nothing was found.", Found(result.passages)


def _named(passage: Passage) -> str:
    title = " ".join((passage.title or passage.filename).split())
    return f"{title} (document {passage.document_id}, passage {passage.ordinal})"
