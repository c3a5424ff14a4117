"""What a provider counted of a call, told to whoever pays for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Meter:
    """Tokens and searches that providers have counted so far."""

    tokens: int = 0
    searches: int = 0


_meter: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def metered() -> Iterator[Meter]:
    """Count what is called in here, also by tasks that it starts."""
    meter = Meter()
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)


def count(tokens: int = 0, *, searches: int = 0) -> None:
    """Add what a provider's answer says."""
    meter = _meter.get()
    if meter is not None:
        meter.tokens += tokens
        meter.searches += searches
