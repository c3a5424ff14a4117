"""What the nodes of the graph hand on to each other."""

from typing import TypedDict

from citewell.agent.composition import Unit
from citewell.domain.passages import Answer, Passage
from citewell.domain.principal import Principal
from citewell.domain.run_events import Question


class State(TypedDict, total=False):
    """One run. `parts` are the questions inside the question; `looks` counts retrievals.

    `units` are what is going to be quoted, empty when nothing fits.
    """

    principal: Principal
    question: Question
    parts: tuple[str, ...]
    looks: int
    passages: tuple[Passage, ...]
    terms: tuple[dict[str, float], ...]
    degraded: tuple[str, ...]
    units: tuple[Unit, ...]
    confidence: float
    reason: str
    answer: Answer
