"""How nodes tell what they do: events on the graph's stream, steps timed and named once."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from langgraph.config import get_stream_writer

from citewell.agent.bounds.spending import spending
from citewell.domain.run_events import RunEvent, StepFinished, StepStarted


@dataclass(slots=True)
class Step:
    """What a step wants known about itself when it ends."""

    details: dict[str, float | int | str] = field(default_factory=dict)


def tell(event: RunEvent) -> None:
    """Send an event to whoever follows the run."""
    get_stream_writer()(event)


@asynccontextmanager
async def step(name: str, round_number: int = 1) -> AsyncIterator[Step]:
    """A step from its start to its end, also when it fails; `retrieve`, then `retrieve#2`."""
    unique = name if round_number == 1 else f"{name}#{round_number}"
    told = Step()
    spending().steps += 1
    tell(StepStarted(unique))
    began = time.perf_counter()
    try:
        yield told
    finally:
        took = (time.perf_counter() - began) * 1000
        tell(StepFinished(unique, round(took, 2), told.details))
