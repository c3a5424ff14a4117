"""What a model says about passages, checked before anybody relies on it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from citewell.agent.planning.unusable import NoCounselError
from citewell.domain.passages import Passage

# The reader sees what is missing: nothing in it may be a link, a mark or a tag.
_ACTIVE = re.compile(r"[\[\]<>`|]|://|www\.", re.IGNORECASE)
MOST_ANSWER = 100
MOST_QUOTE = 600
MOST_SENTENCE = 200
MOST_STATEMENT = 1_000


class ShortAnswer(BaseModel):
    """The few words that answer a hop, and where they stand; `answer` is "" for none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: Annotated[str, Field(max_length=MOST_ANSWER)]
    passage: int = 0
    quote: Annotated[str, Field(max_length=MOST_QUOTE)] = ""


class Statement(BaseModel):
    """A question to the records."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sql: Annotated[str, Field(min_length=1, max_length=MOST_STATEMENT)]


@dataclass(frozen=True, slots=True)
class Read:
    """A text that is no passage of a document; `title` says where it was read."""

    title: str
    text: str


class Verdict(BaseModel):
    """Whether passages are enough: one of the three is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enough: bool = False
    rewrite: Annotated[str, Field(max_length=MOST_SENTENCE)] = ""
    missing: Annotated[str, Field(max_length=MOST_SENTENCE)] = ""

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if sum((self.enough, bool(self.rewrite.strip()), bool(self.missing.strip()))) != 1:
            raise ValueError("it says none of the three, or several")
        if _ACTIVE.search(self.missing):
            raise ValueError("what is missing is told in plain words")
        return self


def read_statement(text: str) -> str:
    """The statement; raises `NoCounselError` for anything else."""
    try:
        return Statement.model_validate_json(text).sql
    except ValidationError as error:
        raise NoCounselError("invalid", str(error.errors()[0]["msg"])) from error


def read_short_answer(text: str, passages: Sequence[Passage | Read]) -> str:
    """The answer, "" where the model has found none.

    Raises `NoCounselError` where the quote is not in the passage, or the answer not in the quote.
    """
    try:
        said = ShortAnswer.model_validate_json(text)
    except ValidationError as error:
        raise NoCounselError("invalid", str(error.errors()[0]["msg"])) from error
    answer = _plain(said.answer)
    if not answer:
        return ""
    if not 1 <= said.passage <= len(passages):
        raise NoCounselError("invalid", f"there is no passage {said.passage}")
    if _plain(said.quote) not in _plain(passages[said.passage - 1].text):
        raise NoCounselError("invalid", "what it quotes does not stand in the passage")
    if answer not in _plain(said.quote):
        raise NoCounselError("invalid", "its answer does not stand in what it quotes")
    return " ".join(said.answer.split())


def read_verdict(text: str) -> Verdict:
    """Raises `NoCounselError` for anything but one of the three."""
    try:
        return Verdict.model_validate_json(text)
    except ValidationError as error:
        raise NoCounselError("invalid", str(error.errors()[0]["msg"])) from error


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
