"""What a member of a team is: an agent with a trade, working with what the retrievers found."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from citewell.agent.prompts.deciding import Request

MOST_LINE = 300


@dataclass(frozen=True, slots=True)
class Finding:
    """What a retriever was asked and the few words that a passage says to it, "" for none."""

    asks: str
    answer: str


@dataclass(frozen=True, slots=True)
class Task:
    """The question as it stands alone, and the findings in the order of the plan.

    `decide` asks the language model for a JSON object, within the limits of the run; it raises
    `NoCounselError` when there is none. The first argument names the step that pays.
    """

    question: str
    findings: tuple[Finding, ...]
    decide: Callable[[str, Request], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Member:
    """`work` gives one line of at most `MOST_LINE` characters for the writer, "" for nothing.

    The line goes into the question: it holds what code has worked out, never words of a document
    that were not checked. The name is that of its step.
    """

    name: str
    work: Callable[[Task], Awaitable[str]]
