"""What the server says of itself."""

from collections.abc import Mapping

from pydantic import Field

from citewell.api.schemas.fields import Body, Shown


class EmbeddingShown(Shown):
    """The model that makes the vectors."""

    model: str
    dimension: int


class LimitsShown(Shown):
    """The largest file in bytes and the longest question in characters."""

    upload_bytes: int
    question_chars: int


class Info(Shown):
    """What runs here; `formats` are the file name endings that are known.

    `language_models` are asked in their order; without any, answers are quoted from the documents.
    """

    name: str
    version: str
    embedding: EmbeddingShown
    answerer: str
    language_models: list[str]
    limits: LimitsShown
    formats: list[str]


class Live(Shown):
    """The process answers."""

    status: str = "alive"


class Ready(Shown):
    """Everything that a request needs answers."""

    status: str = "ready"
    checks: Mapping[str, str]


class SignIn(Body):
    """An API key to open a browser session with."""

    key: str = Field(max_length=500)
