"""What a search asks and returns, and how an answer points at its sources."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from citewell.domain.documents import TextKind
from citewell.domain.ids import ChunkId, CollectionId, DocumentId, VersionId

# What `degraded` says was left out: the embedder's part or the reranker's, because it did not
# answer or could not be paid, or what there was no time for; the model that writes, or the end of
# what it wrote.
DENSE_UNAVAILABLE = "dense_unavailable"
RERANK_UNAVAILABLE = "rerank_unavailable"
BUDGET_EXCEEDED = "budget_exceeded"
TIME_BUDGET = "time_budget"
MODEL_UNAVAILABLE = "model_unavailable"
CUT_OFF = "cut_off"
JUDGE_UNAVAILABLE = "judge_unavailable"


class SearchMode(StrEnum):
    """Which sides of the index a search uses."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A question to the index. Empty `collections` means the tenant's `default` collection.

    `filter` maps a document field (`tags`, `language`, `media_type`, `title`, `filename`,
    `document_id`, `metadata.<key>`) to a value or a list of accepted values. `min_position` waits
    until the collection's projection has applied that change number (read your own writes).
    `rerank` has a reranker compare the best passages with the question: better, slower. `without`
    are documents that are left out.
    """

    text: str
    collections: tuple[CollectionId, ...] = ()
    limit: int = 8
    mode: SearchMode = SearchMode.HYBRID
    filter: Mapping[str, Any] = field(default_factory=dict)
    min_position: int | None = None
    explain: bool = False
    rerank: bool = False
    without: tuple[DocumentId, ...] = ()


@dataclass(frozen=True, slots=True)
class Scores:
    """The score of a passage at each stage; `final` orders the result, higher is better.

    `fused` joins meaning and words of the whole question; `clauses`, `lift` (from its document),
    `link` and `closeness` are what each of these stages added to it, None where a stage did not
    take part. All of them make up `final`, unless `late`, the reranker's score, changed it.
    """

    final: float
    cosine: float | None = None
    window_cosine: float | None = None
    bm25: float | None = None
    fused: float | None = None
    late: float | None = None
    clauses: float | None = None
    lift: float | None = None
    link: float | None = None
    closeness: float | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A live chunk that a search found: `text` is the canonical text at `start`..`end`."""

    chunk_id: ChunkId
    document_id: DocumentId
    version_id: VersionId
    collection_id: CollectionId
    title: str
    filename: str
    text: str
    start: int
    end: int
    page: int | None
    page_label: str
    headings: tuple[str, ...]
    kind: TextKind
    language: str
    ordinal: int
    context: str
    scores: Scores
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A live candidate that was not returned.

    `reason` is `overlap` when it repeats a better one, else `limit`. What was deleted or does not
    meet the filter is no candidate.
    """

    chunk_id: ChunkId
    reason: str
    scores: Scores


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Passages, best first, with the change number of each collection that they were computed at.

    `milliseconds` maps each stage to its wall time; `degraded` lists what was left out
    (`dense_unavailable`, `rerank_unavailable`, `budget_exceeded`, `time_budget`). `terms` are the
    analysed words of the question with their inverse document frequency.
    """

    passages: tuple[Passage, ...]
    positions: Mapping[CollectionId, int]
    milliseconds: Mapping[str, float]
    degraded: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    terms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Citation:
    """A footnote: `quote` equals the canonical text of the version at `start`..`end`.

    `number` is the mark in the answer, `answer_start`..`answer_end` the sentence that it supports.
    """

    number: int
    answer_start: int
    answer_end: int
    chunk_id: ChunkId
    document_id: DocumentId
    version_id: VersionId
    start: int
    end: int
    quote: str
    title: str
    filename: str
    page: int | None
    verified: bool


class DoubtReason(StrEnum):
    """Why a sentence of an answer, or one of its footnotes, does not hold."""

    NO_CITATION = "no_citation"
    UNKNOWN_MARK = "unknown_mark"
    QUOTE_CHANGED = "quote_changed"
    MISQUOTED = "misquoted"
    MISATTRIBUTED = "misattributed"
    UNSUPPORTED_NUMBER = "unsupported_number"
    UNSUPPORTED_DATE = "unsupported_date"
    UNSUPPORTED_NAME = "unsupported_name"
    UNSUPPORTED_LINK = "unsupported_link"
    NEGATED = "negated"
    NOT_SIMILAR = "not_similar"
    OTHER_LANGUAGE = "other_language"
    UNRELATED = "unrelated"
    MODEL_DOUBTS = "model_doubts"
    NOT_COMPUTED = "not_computed"


@dataclass(frozen=True, slots=True)
class Doubt:
    """What does not hold of an answer: its characters `start`..`end`, or one mark behind them.

    `number` is that mark; None means the sentence itself.
    """

    start: int
    end: int
    reason: DoubtReason
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said, with a citation for every sentence. `grounded` is the share that holds, 0–1.

    `doubts` say what does not hold, and why. With `answered` false the text says what was looked
    for, `reason` says why nothing fits, and `related` holds the nearest passages, which are not an
    answer.
    """

    text: str
    citations: tuple[Citation, ...]
    grounded: float
    answered: bool
    reason: str = ""
    related: tuple[Passage, ...] = ()
    confidence: float = 0.0
    degraded: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
