"""Answers without a language model: what `ask` says, and when it refuses."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.product import Product
from citewell.domain.ids import CollectionId
from citewell.domain.passages import Answer
from citewell.evaluation.metrics import holds, mean, refusal
from citewell.evaluation.sets import GoldenSet, Question

SEED = 7
REACH = {
    "answer in first sentence": (0.76, 0.80),
    "answer in first three": (0.89, 0.92),
    "refusal AUROC": (0.97, 0.985),
    "answered at 5 % false": (0.88, 0.93),
}


@dataclass(frozen=True, slots=True)
class Halves:
    """A set cut by its articles: what is indexed, and questions that only the rest answers."""

    indexed: GoldenSet
    outside: Sequence[Question]


def halves(golden: GoldenSet) -> Halves:
    """The first half of the articles with its questions, and the questions of the second half."""
    articles = list(dict.fromkeys(_article(record.id) for record in golden.records))
    first = set(articles[: len(articles) // 2])
    inside = [q for q in golden.questions if _article(next(iter(q.relevant))) in first]
    outside = [q for q in golden.questions if _article(next(iter(q.relevant))) not in first]
    records = [record for record in golden.records if _article(record.id) in first]
    return Halves(GoldenSet(f"{golden.name}_half", records, inside), outside)


async def measure_answers(
    product: Product, collection: CollectionId, golden: GoldenSet, count: int
) -> dict[str, Any]:
    """How often the gold answer stands in what is said, refused questions counting as misses."""
    asked = _sample(golden.questions, count)
    first, three, said, verified = [], [], [], []
    for question in asked:
        answer = await product.ask(collection, question.text)
        quotes = _quotes(answer)
        first.append(float(holds(quotes[0], question.answers)) if quotes else 0.0)
        three.append(float(holds(" ".join(quotes[:3]), question.answers)) if quotes else 0.0)
        said.append(float(answer.answered))
        verified += [float(citation.verified) for citation in answer.citations]
    return {
        "questions": len(asked),
        "answer in first sentence": mean(first),
        "answer in first three": mean(three),
        "answered": mean(said),
        "citations verified": mean(verified),
    }


async def measure_refusal(
    product: Product, collection: CollectionId, cut: Halves, count: int
) -> dict[str, Any]:
    """How confidence separates questions of the indexed half from those of the other."""
    inside = await _answers(product, collection, _sample(cut.indexed.questions, count))
    outside = await _answers(product, collection, _sample(cut.outside, count))
    found = refusal([a.confidence for a in inside], [a.confidence for a in outside])
    return {
        "questions": len(inside) + len(outside),
        "refusal AUROC": found.auroc,
        "answered at 5 % false": found.answered,
        "answered": mean([float(a.answered) for a in inside]),
        "wrongly answered": mean([float(a.answered) for a in outside]),
        "threshold at 5 % false": found.threshold,
    }


async def _answers(
    product: Product, collection: CollectionId, asked: Sequence[Question]
) -> list[Answer]:
    return [await product.ask(collection, question.text) for question in asked]


def _quotes(answer: Answer) -> list[str]:
    return [citation.quote for citation in answer.citations] if answer.answered else []


def _sample(questions: Sequence[Question], count: int) -> list[Question]:
    if len(questions) <= count:
        return list(questions)
    return random.Random(SEED).sample(list(questions), count)


def _article(record: str) -> str:
    return record.rpartition(":")[0]
