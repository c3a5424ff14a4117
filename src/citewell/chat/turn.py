"""One run from its first event to its last, whatever the agent does."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from citewell.chat.answering import Answerer
from citewell.chat.log import RunLog
from citewell.chat.narration import INTERRUPTED, Ending
from citewell.domain.errors import AppError, TimedOutError, UnavailableError
from citewell.domain.principal import Principal
from citewell.domain.run_events import Question, RunEvent
from citewell.domain.runs.approvals import Decision
from citewell.domain.runs.states import RunState
from citewell.telemetry import metrics
from citewell.telemetry.logs import logger

RUN_SECONDS = 300.0
LAST_WORDS_SECONDS = 2.0

log = logger(__name__)


@dataclass(slots=True)
class Turn:
    """Carries a run whose row is about to be stored; `begin` says that it is.

    The agent has `seconds` to answer. With a `decision` the run goes on from a paused one.
    """

    agent: Answerer
    principal: Principal
    question: Question
    seconds: float = RUN_SECONDS
    decision: Decision | None = None
    begun: asyncio.Future[RunLog] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    _stopping: bool = False
    _speaking: asyncio.Task[BaseException | None] | None = None

    def begin(self, run_log: RunLog) -> None:
        """Let the agent speak into this log."""
        if not self.begun.done():
            self.begun.set_result(run_log)
        # Else the server is ending, and the run is left to the recovery of the next one.

    def stop(self) -> None:
        """Stop the agent; no effect when it has finished."""
        self._stopping = True
        if self._speaking is not None:
            self._speaking.cancel()

    async def proceed(self) -> None:
        """Wait for `begin`, then carry the run to its end.

        Cancelling ends the run as interrupted. Raises `UnavailableError`, in a group perhaps, when
        the end could not be stored; another process will end the run then.
        """
        began = time.perf_counter()
        try:
            run_log = await self.begun
            ending = await self._listen(run_log)
            if not run_log.lost:
                await run_log.end(ending)
        except asyncio.CancelledError:
            if not self.begun.cancelled():
                await self._interrupt(self.begun.result())
            raise
        if not run_log.lost:
            metrics.runs.labels(ending.state.value).inc()
            took = round((time.perf_counter() - began) * 1000)
            log.info("run.ended", run=str(run_log.run.id), state=ending.state.value, ms=took)

    async def _listen(self, run_log: RunLog) -> Ending:
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(run_log.keep())
            speaking = self._speaking = group.create_task(self._guard(run_log))
            if self._stopping:
                speaking.cancel()
            await asyncio.wait([keeping, speaking], return_when=asyncio.FIRST_COMPLETED)
            # Only a lost run lets `keep` return before the agent does.
            speaking.cancel()
            run_log.stop()
        if speaking.cancelled():
            return Ending(RunState.CANCELLED)
        return self._ending(run_log, speaking.result())

    async def _guard(self, run_log: RunLog) -> BaseException | None:
        """What the agent failed with, whatever it is; None when it finished."""
        [failure] = await asyncio.gather(self._speak(run_log), return_exceptions=True)
        return failure

    async def _speak(self, run_log: RunLog) -> None:
        try:
            async with asyncio.timeout(self.seconds) as limit:
                async with aclosing(self._events(run_log)) as events:
                    async for event in events:
                        if self._stopping:
                            return
                        await run_log.add(event)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TimedOutError(
                f"The answer was not complete after {self.seconds:g} seconds.",
                hint="Ask something narrower, or of fewer collections.",
            ) from error

    def _events(self, run_log: RunLog) -> AsyncGenerator[RunEvent]:
        if self.decision is not None:
            return self.agent.go_on(self.principal, self.decision, run_log.at.desk)
        question = replace(self.question, run_id=run_log.run.id)
        return self.agent.run(self.principal, question, run_log.at.desk)

    def _ending(self, run_log: RunLog, failure: BaseException | None) -> Ending:
        if isinstance(failure, AppError):
            return Ending(
                RunState.FAILED,
                failure.code,
                failure.message,
                failure.hint,
                retryable=failure.retryable,
            )
        if failure is None and run_log.narration.answer is not None:
            return Ending(RunState.FINISHED)
        if failure is None and run_log.narration.wanted is not None:
            return Ending(RunState.PAUSED)
        what = "run.failed" if failure else "run.without_answer"
        log.error(what, run=str(run_log.run.id), exc_info=failure)
        return Ending(
            RunState.FAILED,
            "internal",
            "The answer could not be completed because of an error in the server.",
            f"Ask again; if it happens again, tell the operator the run {run_log.run.id}.",
        )

    async def _interrupt(self, run_log: RunLog) -> None:
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await run_log.end(INTERRUPTED)
        except (TimeoutError, UnavailableError):
            log.warning("run.left_to_recovery", run=str(run_log.run.id))
