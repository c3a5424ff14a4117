"""The tool that reads on in a document."""

from functools import partial
from uuid import UUID

from langchain_core.tools import StructuredTool
from pydantic import Field

from citewell.agent.tools.contract import Arguments, Found, Label, Setting, Tool
from citewell.agent.tools.search import listed
from citewell.domain.errors import InvalidError
from citewell.domain.ids import DocumentId
from citewell.domain.principal import Scope
from citewell.retrieval.stored.texts import MOST_PASSAGES

DESCRIPTION = (
    "Read passages of a document in their order, such as those before and after one that was found."
)


class Read(Arguments):
    """Which document, and from where."""

    document: str = Field(max_length=36, description="The document's id, as search gives it.")
    first: int = Field(0, ge=0, le=1_000_000, description="Number of the first passage, from 0.")
    count: int = Field(4, ge=1, le=MOST_PASSAGES)


def make(setting: Setting) -> Tool:
    """Reading with the rights of the caller, in the collections that were asked."""
    return Tool(
        StructuredTool.from_function(
            coroutine=partial(_read, setting),
            name="read_document",
            description=DESCRIPTION,
            args_schema=Read,
            response_format="content_and_artifact",
        ),
        frozenset({Label.READ}),
        frozenset({Scope.SEARCH}),
    )


async def _read(setting: Setting, document: str, first: int, count: int) -> tuple[str, Found]:
    try:
        document_id = DocumentId(UUID(document))
    except ValueError as error:
        raise InvalidError(f"{document!r} is no id of a document.") from error
    passages = await setting.means.texts.read(
        setting.principal, document_id, setting.collections, first=first, most=count
    )
    return listed(passages) or "There is no passage from there on.", Found(passages)
