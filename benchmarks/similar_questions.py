"""How often a question that is near another one would be given a wrong answer.

`python -m benchmarks.similar_questions --data ../shared/data` prints JSON: for each bound of the
cosine and each rule, how many of the questions of SQuAD's development set would be served with the
answer of their nearest neighbour, and how many of these are wrong, as both questions' gold answers
share nothing.
"""

import argparse
import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import machine
from citewell.chat.caching.sameness import Decisive
from citewell.inference.builtin_embedder import BuiltinEmbedder

BOUNDS = (0.90, 0.93, 0.95, 0.97, 0.99)
_DROPPED = re.compile(r"\b(?:a|an|the)\b|[^\w ]")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, what decides its answer, and its gold answers as they are compared."""

    text: str
    decisive: Decisive
    answers: frozenset[str]


Rule = Callable[[Asked, Asked], bool]


def by_letters(one: Asked, other: Asked) -> bool:
    """Numbers, names and negations alone."""
    a, b = one.decisive, other.decisive
    return (a.numbers, a.names, a.negations) == (b.numbers, b.names, b.negations)


RULES: dict[str, Rule] = {
    "cosine alone": lambda *_: True,
    "same numbers, names, negations": by_letters,
    "same in what decides": lambda one, other: one.decisive == other.decisive,
}


def read(path: Path) -> list[Asked]:
    """The questions, each text once."""
    made: dict[str, Asked] = {}
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        text = " ".join(row["text"].split())
        answers = frozenset(_DROPPED.sub("", one.lower()).strip() for one in row["answers"])
        made[text] = Asked(text, Decisive.of(text), answers)
    return list(made.values())


async def vectors(asked: list[Asked]) -> NDArray[np.float32]:
    """A unit row for each question, by the bundled model."""
    embedder = BuiltinEmbedder(1)
    rows = [await embedder.embed_query(one.text) for one in asked]
    await embedder.close()
    return np.stack(rows)


def agree(one: Asked, other: Asked) -> bool:
    """Whether an answer to one is one to the other, or a part of it."""
    return any(a in b or b in a for a in one.answers for b in other.answers if a and b)


def judged(
    asked: list[Asked], cosines: NDArray[np.float32], bound: float, rule: Rule
) -> dict[str, Any]:
    """How many are served, and how many of these wrongly."""
    served = wrong = 0
    for number, one in enumerate(asked):
        order = [int(k) for k in np.argsort(-cosines[number]) if cosines[number, k] >= bound]
        nearest = next((asked[k] for k in order if rule(one, asked[k])), None)
        if nearest is not None:
            served += 1
            wrong += not agree(one, nearest)
    return {"served": served, "wrong": wrong}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    asked = read(data / "quality" / "squad" / "queries.jsonl")
    rows = asyncio.run(vectors(asked))
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -1)
    figures = {
        name: {f"{bound:.2f}": judged(asked, cosines, bound, rule) for bound in BOUNDS}
        for name, rule in RULES.items()
    }
    print(json.dumps({"machine": machine(), "questions": len(asked), **figures}, indent=1))


if __name__ == "__main__":
    main()
