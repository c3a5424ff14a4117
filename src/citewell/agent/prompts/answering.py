"""The prompt of an answer: rules for the model, then the passages and the question as material."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from citewell.agent.prompts.fencing import fence_for
from citewell.agent.prompts.files import prompt
from citewell.domain.conversations import NOTHING, Exchange, Remembered
from citewell.domain.passages import Passage

# Of what was said before and of facts about whoever asks, so that a question can refer to them.
TURN_CHARACTERS = 600
SUMMARY_CHARACTERS = 2000
FACTS_CHARACTERS = 2000
TITLE_CHARACTERS = 200
# The word that the rules give a model for what the passages do not say.
NOT_IN_DOCUMENTS = "NOT_IN_DOCUMENTS"


class Variant(StrEnum):
    """How the rules are put: alone, with examples, or with notes that the model takes first."""

    INSTRUCTION = "instruction"
    FEW_SHOT = "few_shot"
    STEP_BY_STEP = "step_by_step"


# Which files make the rules of each, in this order.
FORMS = {
    Variant.INSTRUCTION: ("answer",),
    Variant.FEW_SHOT: ("answer", "examples"),
    Variant.STEP_BY_STEP: ("answer", "steps"),
}


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is sent: `system` is the same in every run, `request` holds everybody's words.

    `sha256` names the version of the files that it was made of.
    """

    system: str
    request: str
    sha256: str


def answering(
    question: str,
    passages: Sequence[Passage],
    *,
    language: str = "",
    remembered: Remembered = NOTHING,
    variant: Variant = Variant.INSTRUCTION,
) -> Prompt:
    """Ask for an answer whose every sentence cites passages by number, from 1, as they come.

    `language` is its name in English; without one, the question's.
    """
    said = _earlier(remembered)
    kept = "\n".join(remembered.facts)[:FACTS_CHARACTERS]
    shown = [_passage(one) for one in passages]
    fence = fence_for((question, said, kept, *shown))
    request = prompt("request").fill(
        {
            "passages": "\n\n".join(
                fence.around("passage", text, {"number": n})
                for n, text in enumerate(shown, start=1)
            ),
            "earlier": fence.around("earlier", said) if said else "",
            "kept": fence.around("kept", kept) if kept else "",
            "question": fence.around("question", question),
            "language": language or "the language of the question",
        }
    )
    return Prompt(rules(variant), request, version(variant))


def rules(variant: Variant) -> str:
    """What every request of this variant begins with; it holds no secret."""
    return "\n\n".join(prompt(name).text.strip() for name in FORMS[variant])


def version(variant: Variant) -> str:
    """The digest of the files behind a variant, in the order of their use."""
    texts = (prompt(name).text for name in (*FORMS[variant], "request"))
    return sha256("\0".join(texts).encode()).hexdigest()


def _passage(passage: Passage) -> str:
    """What the passage is about, then its text, as it is quoted."""
    where = " > ".join((passage.title or passage.filename, *passage.headings))
    return f"[{' '.join(where.split())[:TITLE_CHARACTERS]}]\n{passage.text}"


def _earlier(remembered: Remembered) -> str:
    """What was said long ago in short, then the last turns."""
    summary = remembered.summary[-SUMMARY_CHARACTERS:]
    said = [summary, *(_exchange(one) for one in remembered.turns)]
    return "\n\n".join(filter(None, said))


def _exchange(exchange: Exchange) -> str:
    asked = f"Question: {exchange.question[:TURN_CHARACTERS]}"
    return f"{asked}\nAnswer: {exchange.answer[:TURN_CHARACTERS]}" if exchange.answer else asked
