"""Golden questions on disk: corpus, questions and judgements of one set."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from citewell.domain.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Record:
    """A document of a corpus."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A judged question; `relevant` maps document ids to grades above 0.

    `evidence` lists, for every fact that the answer needs, the documents that state it; `correct`
    counts the relevant ones, those outside the corpus included.
    """

    id: str
    text: str
    relevant: dict[str, int]
    answers: tuple[str, ...] = ()
    evidence: tuple[tuple[str, ...], ...] = ()
    correct: int = 0


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """A corpus with judged questions; questions without a judgement are left out."""

    name: str
    records: Sequence[Record]
    questions: Sequence[Question]


def load(folder: Path) -> GoldenSet:
    """Read the three files of a set. Raises `InvalidError` naming the one that is missing."""
    records = [
        Record(str(r["id"]), str(r.get("title", "")), str(r["text"]))
        for r in _lines(folder / "corpus.jsonl")
    ]
    grades: dict[str, dict[str, int]] = {}
    for line in _read(folder / "qrels.tsv").splitlines():
        question, document, grade = line.split("\t")
        if int(grade) > 0:
            grades.setdefault(question, {})[document] = int(grade)
    questions = [
        Question(
            str(q["id"]),
            str(q["text"]),
            grades[str(q["id"])],
            tuple(q["answers"]) if isinstance(q.get("answers"), list) else (),
            tuple(tuple(map(str, forms)) for forms in q.get("evidence", ())),
            int(q.get("n_correct", len(grades[str(q["id"])]))),
        )
        for q in _lines(folder / "queries.jsonl")
        if str(q["id"]) in grades
    ]
    return GoldenSet(folder.name, records, questions)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _read(path).split("\n") if line.strip()]


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise InvalidError(
            f"{path} cannot be read: {error.strerror}.", hint="Name a folder with the sets."
        ) from error
