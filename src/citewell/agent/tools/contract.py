"""What a tool is: a LangChain tool with labels that say what it can do to whom.

The model sees its name, description and arguments. Who is asking, which collections and what time
it is are in the `Setting` that a tool is made with: no argument can claim them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict

from citewell.domain.ids import CollectionId
from citewell.domain.passages import Passage
from citewell.domain.principal import Principal, Scope

# Part of what a tool is written with.
from citewell.domain.tools.labels import Label as Label
from citewell.retrieval.service import Retrieval
from citewell.retrieval.stored.records import RecordQuestions
from citewell.retrieval.stored.texts import Texts

SECONDS = 10.0


class Arguments(BaseModel):
    """The arguments of a tool: exactly those that are named, never coerced into others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Tool:
    """A LangChain tool, what it does, and which scopes of the caller it needs.

    `own_words` says that its result holds nothing but what it computed from its arguments: every
    other result is a text of others. A call that takes longer than `seconds` is stopped.
    """

    runs: BaseTool
    labels: frozenset[Label] = frozenset()
    scopes: frozenset[Scope] = frozenset()
    own_words: bool = False
    seconds: float = SECONDS

    @property
    def name(self) -> str:
        """What the model calls it."""
        return self.runs.name


@dataclass(frozen=True, slots=True)
class Found:
    """What a tool found beside its text: passages that an answer may cite.

    A LangChain tool returns it as its artifact (`response_format="content_and_artifact"`).
    """

    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Means:
    """What the tools of every run may use; each checks the rights of the caller it is given."""

    retrieval: Retrieval
    texts: Texts
    records: RecordQuestions

    @classmethod
    def of(cls, retrieval: Retrieval) -> "Means":
        """Over what is searched."""
        database = retrieval.database
        return cls(retrieval, Texts(database), RecordQuestions.of(database))


@dataclass(frozen=True, slots=True)
class Setting:
    """One run, as its tools see it: the server's word, not the model's. `now` has a time zone."""

    principal: Principal
    collections: tuple[CollectionId, ...]
    now: datetime
    means: Means


Maker = Callable[[Setting], Tool]
