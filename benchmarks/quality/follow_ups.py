"""Two turns of a conversation, made of single questions: does the second find its passage?

The second question of a pair is one of the same paragraph, with what both of them name, or what
answers the first one, put as a pronoun. No person wrote them, and some are odd; what counts is how
much of what the pronoun hides is found again.
"""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from benchmarks.product import Product
from benchmarks.quality.retrieval import Laid
from citewell.agent.follow_ups.completing import complete
from citewell.domain.conversations import Exchange
from citewell.domain.ids import CollectionId, DocumentId
from citewell.evaluation.metrics import hit, mean
from citewell.evaluation.sets import GoldenSet, Question

SEED = 7
MOST_PAIRS = 500
DEPTHS = (1, 5)
LEAST_WORDS = 3
_WORD = r"[A-Z][\w’.-]*(?:['’](?!s\b)\w+)?"
_NAME = re.compile(rf"(?<=\s)(?:the )?{_WORD}(?: (?:of |the |and |de |von )*(?:{_WORD}|\d+))*")
# A name before another noun describes it, and no pronoun can: "the Huguenot colonists".
_AFTER_VERB = re.compile(r"\b(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would)\s+$")
_ENDS = re.compile(
    r"['’]s?\s|\s*[?,.]|\s*$|\s+(?:[A-Z]|(?:is|are|was|were|do|does|did|has|have|had|can"
    r"|could|will|would|of|in|on|at|by|to|for|from|with|and|or|as|that|which|who|when|after|before)\b)"
)
_DESCRIBED = re.compile(r"(?:\b(?:an?|recent)|\d)\s+$|[&/-]$", re.IGNORECASE)
_BEFORE_OBJECT = re.compile(
    r"\b(?:of|in|on|at|by|to|for|from|with|about|against|into|after|before|during|through|near"
    r"|called|named|won|made|found|use|used|visit|join|leave)\s+$",
    re.IGNORECASE,
)
# Of a paragraph: how often each stands in it tells what its subject is called.
_SPOKEN_OF = {
    "he": ("he", "him", "his"),
    "she": ("she", "her", "her"),
    "they": ("they", "them", "their"),
    "it": ("it", "it", "its"),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions about one paragraph; `asked` leans on `first`, `whole` is what it hides.

    `kind` says what was hidden: a `topic` of both, or the first one's `answer`.
    """

    kind: str
    first: Question
    asked: str
    whole: Question


def pairs(golden: GoldenSet) -> list[Pair]:
    """Every two neighbours of a paragraph of which the second one can lean on the first."""
    texts = {record.id: record.text for record in golden.records}
    by_paragraph: dict[str, list[Question]] = {}
    for question in golden.questions:
        by_paragraph.setdefault(next(iter(question.relevant)), []).append(question)
    return [
        pair
        for paragraph, asked in by_paragraph.items()
        for first, second in pairwise(asked)
        for pair in _paired(first, second, texts[paragraph])
    ]


async def measure_follow_ups(
    product: Product, collection: CollectionId, golden: GoldenSet, laid: Laid
) -> dict[str, Any]:
    """hit@k of the leaning questions as they are, completed, and as they were written.

    Also of single questions behind one about something else, which should change nothing.
    """
    names = await product.names(collection)
    finding = _Finding(product, collection, {d: laid.places[n][0].record for d, n in names.items()})
    chosen = random.Random(SEED)
    made = pairs(golden)
    made = chosen.sample(made, min(MOST_PAIRS, len(made)))
    for pair in made:
        turns = await finding.answered(pair.first)
        looked_for = complete(pair.asked, turns)
        await finding.score(f"{pair.kind}, as asked", pair.asked, pair.whole)
        await finding.score(f"{pair.kind}, completed", looked_for, pair.whole)
        await finding.score(f"{pair.kind}, written out", pair.whole.text, pair.whole)
    every = list(golden.questions)
    changed = 0
    for question in chosen.sample(every, min(MOST_PAIRS, len(every))):
        turns = await finding.answered(chosen.choice(every))
        looked_for = complete(question.text, turns)
        changed += looked_for != question.text
        await finding.score("single, alone", question.text, question)
        await finding.score("single, behind another", looked_for, question)
    figures = {name: mean(one) for name, one in finding.scores.items()}
    return {"questions": len(made), **figures, "single, changed": changed / MOST_PAIRS}


@dataclass(slots=True)
class _Finding:
    product: Product
    collection: CollectionId
    records: Mapping[DocumentId, str]
    scores: dict[str, list[float]] = field(default_factory=dict)

    async def answered(self, question: Question) -> tuple[Exchange]:
        """The turn that a question makes."""
        answer = await self.product.ask(self.collection, question.text)
        return (Exchange(question.text, answer.text, answer.answered),)

    async def score(self, way: str, text: str, wanted: Question) -> None:
        """Whether looking for the text finds what the question wants."""
        found = await self.product.search(self.collection, text, max(DEPTHS))
        ranking = list(dict.fromkeys(self.records[one.document_id] for one in found.passages))
        for depth in DEPTHS:
            score = hit(ranking, wanted.relevant, depth)
            self.scores.setdefault(f"{way}: hit@{depth}", []).append(score)


def _paired(first: Question, second: Question, paragraph: str) -> Iterator[Pair]:
    shared = sorted(
        set(_names(first.text)) & set(_names(second.text)), key=lambda name: (-len(name), name)
    )
    hidden = [("topic", shared[0])] if shared else []
    told = [answer for answer in first.answers if len(answer) > 3 and answer in second.text]
    hidden += [("answer", max(told, key=len))] if told else []
    for kind, name in hidden:
        asked = _leaning(second.text, name, paragraph)
        if asked is not None:
            yield Pair(kind, first, asked, second)


def _names(question: str) -> list[str]:
    return [name.removeprefix("the ").rstrip(".'’") for name in _NAME.findall(question)]


def _leaning(question: str, name: str, paragraph: str) -> str | None:
    """The question with a pronoun for the name; None when it cannot be hidden."""
    at = re.search(
        rf"(?:\b[Tt]he )?(?P<name>\b{re.escape(name)}\b)(?P<owns>['’]s?(?=\s))?", question
    )
    if at is None:
        return None
    subject, object_, owner = _pronouns(paragraph)
    said = owner if at["owns"] else subject
    before = question[: at.start()]
    free = _AFTER_VERB.search(before) or _ENDS.match(question[at.end("name") :])
    if not free or _DESCRIBED.search(before):
        return None
    if not at["owns"] and (at.end() >= len(question) - 1 or _BEFORE_OBJECT.search(before)):
        said = object_
    said = said.capitalize() if not before.strip() else said
    asked = before + said + question[at.end() :]
    hides = name not in asked and len(asked.split()) >= LEAST_WORDS
    return asked if hides else None


def _pronouns(paragraph: str) -> tuple[str, str, str]:
    words = re.findall(r"\w+", paragraph.lower())
    counts = {one: sum(words.count(form) for form in set(of)) for one, of in _SPOKEN_OF.items()}
    counts["it"] += 1
    return _SPOKEN_OF[max(counts, key=lambda one: counts[one])]
