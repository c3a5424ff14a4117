"""Rankings: every question of a set through `search`, scored as the set's measures say."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from benchmarks.product import File, Product
from benchmarks.quality.measures import Measure, measures_of
from citewell.documents.naming import clean_filename
from citewell.domain.ids import CollectionId, DocumentId
from citewell.domain.passages import Passage, SearchMode
from citewell.evaluation.metrics import mean
from citewell.evaluation.sets import GoldenSet, Question, Record

DEPTH = 40
# The set of source code is Rust, its records the pieces of files, one after the other.
SUFFIXES = {"code": ".rs"}
_PIECE = re.compile(r"(?P<file>.+)_chunk_\d+")


@dataclass(frozen=True, slots=True)
class Placed:
    """A record's span in the file that holds it."""

    record: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Laid:
    """A set as files, and where each record lies, by file name."""

    files: list[File]
    places: Mapping[str, list[Placed]]


@dataclass(frozen=True, slots=True)
class Figures:
    """One set's means: measure → mode → value."""

    questions: int
    values: dict[str, dict[str, float]]

    def as_json(self) -> dict[str, Any]:
        """As it is written to the results."""
        return {"questions": self.questions, "values": self.values}


def lay_out(golden: GoldenSet) -> Laid:
    """The files to add: one a record, or one for all pieces of a file.

    Records without text are left out; those with the same text are one file, as the product would
    have it.
    """
    suffix = SUFFIXES.get(golden.name, ".txt")
    groups: dict[str, list[Record]] = {}
    for record in golden.records:
        piece = _PIECE.fullmatch(record.id) if golden.name in SUFFIXES else None
        if record.text.strip():
            groups.setdefault(piece["file"] if piece else record.text, []).append(record)
    files, places = [], {}
    for group in groups.values():
        piece = _PIECE.fullmatch(group[0].id) if golden.name in SUFFIXES else None
        name = f"{piece['file']}{suffix}" if piece else _filename(group[0], suffix)
        text = "".join(r.text for r in group) if piece else group[0].text
        files.append(File(name, group[0].title, text))
        places[clean_filename(name)] = list(_in_a_row(group) if piece else _together(group))
    return Laid(files, places)


async def measure(
    product: Product, collection: CollectionId, golden: GoldenSet, laid: Laid
) -> Figures:
    """All measures of a set in every mode."""
    names = await product.names(collection)
    places = {document: laid.places[name] for document, name in names.items()}
    measures = measures_of(golden.name)
    values: dict[str, dict[str, float]] = {one.name: {} for one in measures}
    for mode in SearchMode:
        scores: dict[str, list[float]] = defaultdict(list)
        for question in golden.questions:
            found = await product.search(collection, question.text, DEPTH, mode)
            _score(scores, measures, _ranking(found.passages, places), question)
        for name, one in scores.items():
            values[name][mode.value] = mean(one)
    return Figures(len(golden.questions), values)


def _score(
    scores: dict[str, list[float]],
    measures: tuple[Measure, ...],
    ranking: list[str],
    question: Question,
) -> None:
    for one in measures:
        scores[one.name].append(one.score(ranking, question))


def _ranking(passages: Sequence[Passage], places: Mapping[DocumentId, list[Placed]]) -> list[str]:
    """Record ids in order of the passages; what a passage mostly is, or holds most of."""
    found: dict[str, None] = {}
    for passage in passages:
        shares = [(_shared(passage, place), place) for place in places[passage.document_id]]
        for share, place in sorted(shares, key=lambda one: -one[0]):
            if share * 2 >= min(place.end - place.start, passage.end - passage.start):
                found.setdefault(place.record)
    return list(found)


def _shared(passage: Passage, place: Placed) -> int:
    return min(passage.end, place.end) - max(passage.start, place.start)


def _in_a_row(group: Iterable[Record]) -> Iterable[Placed]:
    start = 0
    for record in group:
        yield Placed(record.id, start, start + len(record.text))
        start += len(record.text)


def _together(group: Iterable[Record]) -> Iterable[Placed]:
    return (Placed(record.id, 0, len(record.text)) for record in group)


def _filename(record: Record, suffix: str) -> str:
    """The id as a file name; of an address, its path and fragment."""
    address = urlsplit(record.id)
    if not address.netloc:
        return record.id + suffix
    return f"{address.path.strip('/')}#{address.fragment}{suffix}"
