"""Who answers a question: the agent, or what stands before it."""

from collections.abc import AsyncGenerator
from typing import Protocol

from citewell.domain.principal import Principal
from citewell.domain.run_events import Question, RunEvent


class Answerer(Protocol):
    """Tells a run; closing the generator stops it."""

    def run(self, principal: Principal, question: Question) -> AsyncGenerator[RunEvent]:
        """The events of one run, the last being `AnswerFinished`."""
        ...
