"""What a run may still do, and its calls of the language model counted to it and to their step."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from citewell.agent.bounds.spending import spending
from citewell.agent.telling import note_use, tell
from citewell.domain.allowances import Amount
from citewell.domain.errors import BudgetExceededError
from citewell.domain.run_events import Noticed
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


def may_look() -> bool:
    """Whether the run may look once more; tells the reader when it may not."""
    allowed = spending().may_look()
    if not allowed:
        tell_limit()
    return allowed


def may_ask(most: Amount, *, writes: bool = True) -> bool:
    """Whether the run may ask its model for what costs at most this; tells when it may not.

    `writes` says that the answer is still to be written, for which something is kept.
    """
    allowed = spending().may_ask(most, writes=writes)
    if not allowed:
        tell_limit()
    return allowed


def tell_limit() -> None:
    """Tell the reader which limit was reached; the first time only."""
    spent = spending()
    if spent.reached and not spent.is_told:
        spent.is_told = True
        tell(Noticed("budget", spent.said()))
