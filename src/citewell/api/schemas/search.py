"""Searches and the passages they find."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StrictBool

from citewell.api.schemas.fields import WHOLE, Body, CollectionNames, JsonObject, Question, Shown
from citewell.domain.passages import Dropped, Passage, Scores, SearchMode, SearchResult

_VALUE = {"type": ["string", "number", "boolean"], "pattern": "^[^\\u0000]*$"}
FILTER: dict[str, Any] = {
    "propertyNames": {
        "pattern": r"^(tags|language|media_type|title|filename|document_id"
        r"|metadata\.[\w.-]{1,100})$"
    },
    "additionalProperties": {
        "anyOf": [
            _VALUE,
            {"type": "array", "items": _VALUE, "minItems": 1, "maxItems": 200},
        ]
    },
    "maxProperties": 16,
}


class SearchAsked(Body):
    """A search; `min_position` waits until the index has that change of the collection."""

    query: Question
    collections: CollectionNames = Field(default=[])
    limit: Annotated[int, Field(ge=1, le=200), WHOLE] = 8
    mode: SearchMode = SearchMode.HYBRID
    filter: JsonObject = Field(
        default={},
        description="Document field (`tags`, `language`, `media_type`, `title`, `filename`,"
        " `document_id`, `metadata.<key>`) to a value or a list of accepted values.",
        json_schema_extra=FILTER,
    )
    min_position: Annotated[int, Field(ge=0, le=2**53), WHOLE] | None = None
    explain: StrictBool = False
    rerank: StrictBool = False


class PassageShown(Shown):
    """A passage: the canonical text of the version at `start`..`end`."""

    passage_id: UUID
    document_id: UUID
    version_id: UUID
    collection_id: UUID
    title: str
    filename: str
    text: str
    start: int
    end: int
    page: int | None
    page_label: str
    headings: list[str]
    language: str
    scores: Mapping[str, float]

    @classmethod
    def of(cls, passage: Passage) -> "PassageShown":
        """The passage; without a title, the file name is one."""
        return cls(
            passage_id=passage.chunk_id,
            document_id=passage.document_id,
            version_id=passage.version_id,
            collection_id=passage.collection_id,
            title=passage.title or passage.filename,
            filename=passage.filename,
            text=passage.text,
            start=passage.start,
            end=passage.end,
            page=passage.page,
            page_label=passage.page_label,
            headings=list(passage.headings),
            language=passage.language,
            scores=_scores(passage.scores),
        )


class DroppedShown(Shown):
    """A candidate that was not returned, and why."""

    passage_id: UUID
    reason: str
    scores: Mapping[str, float]

    @classmethod
    def of(cls, dropped: Dropped) -> "DroppedShown":
        """As the search says."""
        scores = _scores(dropped.scores)
        return cls(passage_id=dropped.chunk_id, reason=dropped.reason, scores=scores)


class SearchShown(Shown):
    """Passages, best first; `positions` says which change of each collection they reflect.

    `milliseconds` is the wall time of each stage, `degraded` what was left out.
    """

    passages: list[PassageShown]
    positions: Mapping[str, int]
    milliseconds: Mapping[str, float]
    degraded: list[str]
    dropped: list[DroppedShown] | None = None

    @classmethod
    def of(cls, result: SearchResult, *, explain: bool) -> "SearchShown":
        """The result, with what was dropped when asked to `explain`."""
        return cls(
            passages=[PassageShown.of(passage) for passage in result.passages],
            positions={str(key): value for key, value in result.positions.items()},
            milliseconds=result.milliseconds,
            degraded=list(result.degraded),
            dropped=[DroppedShown.of(one) for one in result.dropped] if explain else None,
        )


def _scores(scores: Scores) -> dict[str, float]:
    return {name: value for name, value in asdict(scores).items() if value is not None}
