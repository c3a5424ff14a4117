"""What one run has used of what it may use: every loop of the agent asks here before it goes on.

Whatever a model wants, a run ends: with an answer from what there is, and a notice.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from citewell.agent.desk import Desk
from citewell.domain.allowances import Amount

# What is kept for the end: judging, answering and verifying, and the call that writes the answer.
LAST_STEPS = 3
WRITING_CALLS = 1
WRITING_TOKENS = 9_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Most of a run: steps, calls of a model and their tokens, US dollars, seconds of looking.

    What writes the answer is kept free of what looks and decides; it has its own time limit.
    """

    steps: int = 20
    calls: int = 12
    tokens: int = 60_000
    money: Decimal = Decimal("0.50")
    seconds: float = 60.0

    @classmethod
    def of(cls, chosen: Mapping[str, Any]) -> Self:
        """From the settings of the section `llm`."""
        return cls(
            calls=chosen["answer_calls"],
            tokens=chosen["answer_tokens"],
            money=Decimal(str(chosen["answer_dollars"])),
            seconds=chosen["answer_seconds"],
        )


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run had used when it paused."""

    steps: int = 0
    calls: int = 0
    tokens: int = 0
    money: Decimal = Decimal(0)
    seconds: float = 0.0


@dataclass(slots=True)
class Spending:
    """One run; `reached` is the limit that stopped something, "" while nothing was stopped."""

    limits: Limits = field(default_factory=Limits)
    steps: int = 0
    calls: int = 0
    tokens: int = 0
    money: Decimal = Decimal(0)
    reached: str = ""
    is_told: bool = False
    began: float = field(default_factory=time.monotonic)

    def may_look(self, steps: int = 1) -> bool:
        """Whether so many more steps of looking fit; remembers what did not."""
        return self._fits(
            {
                "steps": (self.steps + steps + LAST_STEPS, self.limits.steps),
                "seconds": (time.monotonic() - self.began, self.limits.seconds),
            }
        )

    def may_ask(self, most: Amount, *, writes: bool = True) -> bool:
        """Whether a call that costs at most this fits, beside the one that `writes` the answer.

        What comes behind the answer is bounded by its calls, tokens and money alone.
        """
        calls, tokens = (WRITING_CALLS, WRITING_TOKENS) if writes else (0, 0)
        of_writing = most.money * tokens / max(1, most.tokens)
        return (not writes or self.may_look(0)) and self._fits(
            {
                "calls": (self.calls + 1 + calls, self.limits.calls),
                "tokens": (self.tokens + most.tokens + tokens, self.limits.tokens),
                "money": (self.money + most.money + of_writing, self.limits.money),
            }
        )

    def note_call(self, used: Amount) -> None:
        """A call that was made."""
        self.calls += 1
        self.tokens += used.tokens
        self.money += used.money

    @property
    def so_far(self) -> Spent:
        """What is used up at this moment."""
        seconds = time.monotonic() - self.began
        return Spent(self.steps, self.calls, self.tokens, self.money, seconds)

    def go_on_from(self, spent: Spent) -> None:
        """Count what was used before a pause; no effect when it is counted already."""
        self.steps, self.calls = max(self.steps, spent.steps), max(self.calls, spent.calls)
        self.tokens, self.money = max(self.tokens, spent.tokens), max(self.money, spent.money)
        self.began = min(self.began, time.monotonic() - spent.seconds)

    def said(self) -> str:
        """What the reader is told of the limit that was reached."""
        limit = getattr(self.limits, self.reached)
        return f"Stopped at the limit of {limit} {_NAMES[self.reached]} for one answer."

    def _fits(self, wanted: dict[str, tuple[float | Decimal, float | Decimal]]) -> bool:
        over = next((name for name, (value, limit) in wanted.items() if value > limit), "")
        self.reached = self.reached or over
        return not over


@dataclass(slots=True)
class Context:
    """What belongs to a run and is never kept: LangGraph hands it to every node.

    Without a `desk` there is nobody who could be asked.
    """

    spending: Spending
    desk: Desk | None = None


_NAMES = {
    "steps": "steps",
    "calls": "calls of the language model",
    "tokens": "tokens",
    "money": "US dollars",
    "seconds": "seconds",
}
