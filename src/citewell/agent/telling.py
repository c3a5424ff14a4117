"""How nodes tell what they do: events on the graph's stream, steps timed and named once."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from langgraph.config import get_stream_writer

from citewell.agent.bounds.spending import spending
from citewell.domain.run_events import RunEvent, StepFinished, StepStarted
from citewell.inference.chat.speech import Used


@dataclass(slots=True)
class Step:
    """What a step wants known about itself when it ends; `name` is unique in its run."""

    name: str
    details: dict[str, float | int | str] = field(default_factory=dict)


# Of the task that goes on: steps beside each other have tasks of their own.
_STEP: ContextVar[Step] = ContextVar("step")


def current_step() -> str:
    """The name of the step that goes on."""
    return _STEP.get().name


def note_use(used: Used) -> None:
    """Add what a call of the language model has cost to the step that goes on."""
    details = _STEP.get().details
    cost = float(used.money or 0)
    more = {"tokens_in": used.tokens_in, "tokens_out": used.tokens_out, "cost": cost}
    details["model"] = used.model
    for name, amount in more.items():
        before = details.get(name, 0)
        details[name] = amount + (before if isinstance(before, int | float) else 0)


def tell(event: RunEvent) -> None:
    """Send an event to whoever follows the run."""
    get_stream_writer()(event)


@asynccontextmanager
async def step(name: str, round_number: int = 1) -> AsyncIterator[Step]:
    """A step from its start to its end, also when it fails; `retrieve`, then `retrieve#2`."""
    unique = name if round_number == 1 else f"{name}#{round_number}"
    told = Step(unique)
    spending().steps += 1
    tell(StepStarted(unique))
    began = time.perf_counter()
    outer = _STEP.set(told)
    try:
        yield told
    finally:
        _STEP.reset(outer)
        took = (time.perf_counter() - began) * 1000
        tell(StepFinished(unique, round(took, 2), told.details))
