"""Who answers a question: the agent, or what stands before it."""

from collections.abc import AsyncGenerator
from typing import Protocol

from citewell.agent.desk import Desk
from citewell.domain.principal import Principal
from citewell.domain.run_events import Question, RunEvent
from citewell.domain.runs.approvals import Decision


class Answerer(Protocol):
    """Tells a run; closing the generator stops it."""

    def run(
        self, principal: Principal, question: Question, desk: Desk | None = None
    ) -> AsyncGenerator[RunEvent]:
        """The events of one run, the last being `AnswerFinished`.

        Or `ApprovalWanted`, only with a `desk` at which a person can be asked.
        """
        ...

    def go_on(
        self, principal: Principal, decision: Decision, desk: Desk
    ) -> AsyncGenerator[RunEvent]:
        """As `run`, from where the run has paused. Raises `GoneError`."""
        ...
