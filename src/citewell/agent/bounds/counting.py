"""Calls of the language model, counted to the run that makes them and to their step."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from citewell.agent.bounds.spending import spending
from citewell.agent.telling import note_use
from citewell.domain.allowances import Amount
from citewell.domain.errors import BudgetExceededError
from citewell.inference.chat.speech import Used


@dataclass(slots=True)
class Counting:
    """One call; `cost` is what it may cost at most until it says what it has cost."""

    cost: Amount

    def note(self, used: Used) -> None:
        """What the provider counted; a price that nobody knows stays the estimate."""
        self.cost = Amount(used.tokens_in + used.tokens_out, used.money or self.cost.money)
        note_use(used)


@contextmanager
def counted(most: Amount) -> Iterator[Counting]:
    """Count a call, also one that fails: it is as dear as it could have been.

    Nothing is counted where a budget has stopped it before anything was sent.
    """
    counting = Counting(most)
    try:
        yield counting
    except BudgetExceededError:
        counting.cost = Amount()
        raise
    finally:
        spending().note_call(counting.cost)
