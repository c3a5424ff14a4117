"""Chunking: how much of the marked excerpts the best passages hold, character by character.

The measure of brandonstarxel/chunking_evaluation: all corpora in one index, a fixed number of
passages a question; a passage of another corpus holds nothing.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.product import File, Product
from citewell.domain.ids import CollectionId
from citewell.domain.passages import Passage
from citewell.evaluation.metrics import mean

PASSAGES = 5
REACH = {"recall": (0.90, 0.93), "precision": (0.045, None)}

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Marked:
    """A question with the spans of one corpus that answer it."""

    text: str
    corpus: str
    spans: tuple[Span, ...]


def files_of(folder: Path) -> list[File]:
    """The corpora as they lie there."""
    return [File(p.name, "", p.read_text("utf-8")) for p in sorted(folder.glob("*.md"))]


def questions_of(folder: Path) -> list[Marked]:
    """The questions of a set."""
    with (folder / "questions.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        Marked(
            row["question"],
            f"{row['corpus']}.md",
            tuple((one["start_index"], one["end_index"]) for one in row["references"]),
        )
        for row in rows
    ]


async def measure(product: Product, collection: CollectionId, folder: Path) -> dict[str, Any]:
    """Mean recall and precision over the questions."""
    recalls, precisions = [], []
    asked = questions_of(folder)
    for question in asked:
        found = await product.search(collection, question.text, PASSAGES)
        held = _held(question, found.passages)
        wanted = sum(end - start for start, end in question.spans)
        shown = sum(p.end - p.start for p in found.passages)
        recalls.append(held / wanted)
        precisions.append(held / max(1, shown))
    return {"questions": len(asked), "recall": mean(recalls), "precision": mean(precisions)}


def _held(question: Marked, passages: tuple[Passage, ...]) -> int:
    held: set[int] = set()
    for passage in passages:
        if passage.filename != question.corpus:
            continue
        for start, end in question.spans:
            held.update(range(max(start, passage.start), min(end, passage.end)))
    return len(held)
