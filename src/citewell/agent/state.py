"""What the nodes of the graph hand on to each other."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from citewell.agent.composition import Unit
from citewell.agent.planning.plan import Plan
from citewell.agent.tools.progress import Progress
from citewell.agent.writing.drafting import Draft
from citewell.domain.passages import Answer, Passage
from citewell.domain.principal import Principal
from citewell.domain.run_events import Question


@dataclass(frozen=True, slots=True)
class Hop:
    """A question that could be asked only when `name` was found, from what is told of `thing`."""

    thing: str
    name: str
    question: str


class State(TypedDict, total=False):
    """One run, which `began` at a time of some zone.

    `parts` are the questions inside the question; `looks` counts retrievals.

    `asked` is the question as it stands alone. `bridges` are the looks that went on from a name,
    each with what it asked; these questions are among `parts`. A `plan` is there when a language
    model has made it, with `findings`, what its hops asked and their short answers; `settled` says
    that nothing more is looked for, and `missing` what the documents do not say. `units` are what
    is going to be quoted, empty when nothing fits. `recalled` is there only for a question about
    the conversation itself, a `draft` only when a language model wrote the answer, and `tooled`,
    how many passages tools have found, only when a model was asked about tools; while it is being
    asked, there is `progress`.
    """

    principal: Principal
    question: Question
    began: datetime
    recalled: str
    asked: str
    plan: Plan
    parts: tuple[str, ...]
    looks: int
    bridges: tuple[tuple[Hop, ...], ...]
    judgements: int
    rewrites: int
    findings: tuple[tuple[str, str], ...]
    settled: bool
    missing: str
    passages: tuple[Passage, ...]
    terms: tuple[dict[str, float], ...]
    degraded: tuple[str, ...]
    units: tuple[Unit, ...]
    confidence: float
    reason: str
    progress: Progress | None
    tooled: int
    answer: Answer
    draft: Draft
