"""The prompts of the agent's decisions: rules for the model, then everybody's words as material."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from hashlib import sha256

from citewell.agent.planning.replies import Read
from citewell.agent.prompts.fencing import Fence, fence_for
from citewell.agent.prompts.files import prompt
from citewell.domain.conversations import Exchange
from citewell.domain.passages import Passage
from citewell.domain.records import VIEWS

EARLIER_TURNS = 3
EARLIER_CHARACTERS = 300
PASSAGE_CHARACTERS = 1_200
MOST_PASSAGES = 8


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is sent; `sha256` names the version of the file behind it."""

    system: str
    request: str
    sha256: str


def planning(
    question: str, *, routes: Set[str], sources: Set[str], earlier: Sequence[Exchange] = ()
) -> Request:
    """Ask for a plan of the question, out of what is offered."""
    said = [
        f"{one.question[:EARLIER_CHARACTERS]}\n{one.answer[:EARLIER_CHARACTERS]}"
        for one in earlier[-EARLIER_TURNS:]
    ]
    fence = fence_for((question, *said))
    parts = [fence.around("earlier", one) for one in said]
    parts.append(fence.around("question", question))
    parts.append(f"Routes: {', '.join(sorted(routes))}. Sources: {', '.join(sorted(sources))}.")
    return _request("plan", parts)


def asking_records(question: str) -> Request:
    """Ask for the statement whose rows answer."""
    views = "; ".join(f"{view}({', '.join(columns)})" for view, columns in VIEWS.items())
    parts = [fence_for((question,)).around("question", question), f"Views: {views}."]
    return _request("records", parts)


def short_answering(question: str, passages: Sequence[Passage | Read]) -> Request:
    """Ask for the few words that answer, with the words of a passage that say it."""
    return _about_passages("short_answer", question, passages)


def reviewing(question: str, passages: Sequence[Passage]) -> Request:
    """Ask whether the passages are enough to answer."""
    return _about_passages("review", question, passages)


def analysing(question: str, findings: Sequence[tuple[str, str]]) -> Request:
    """Ask for what has to be calculated from findings: what was asked, and the short answer."""
    shown = [f"{asks}\n{answer or '(not found)'}" for asks, answer in findings]
    fence = fence_for((question, *shown))
    return _request(
        "analyst", [*_numbered(fence, shown, "finding"), fence.around("question", question)]
    )


def _about_passages(name: str, question: str, passages: Sequence[Passage | Read]) -> Request:
    shown = [f"[{one.title}]\n{one.text[:PASSAGE_CHARACTERS]}" for one in passages[:MOST_PASSAGES]]
    fence = fence_for((question, *shown))
    return _request(name, [*_numbered(fence, shown, "passage"), fence.around("question", question)])


def _numbered(fence: Fence, shown: Sequence[str], tag: str) -> list[str]:
    return [fence.around(tag, text, {"number": n}) for n, text in enumerate(shown, start=1)]


def _request(name: str, parts: Sequence[str]) -> Request:
    text = prompt(name).text
    return Request(text.strip(), "\n\n".join(parts), sha256(text.encode()).hexdigest())
