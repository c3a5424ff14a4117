"""One conversation turn: the run belongs to the server, readers only follow its log."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from citewell.agent.service import Agent
from citewell.chat import translation
from citewell.chat.log import RunLog
from citewell.chat.translation import JsonObject
from citewell.domain.errors import AppError, LeaseLostError, NotFoundError, UnavailableError
from citewell.domain.ids import CollectionId, ConversationId, MessageId, RunId, TenantId, new_id
from citewell.domain.principal import Principal, Scope
from citewell.domain.run_events import Question
from citewell.storage.database import Database
from citewell.storage.notifications import Notifications, Subscription
from citewell.storage.repositories.runs import RUNS_TOPIC, Run, RunState
from citewell.telemetry import metrics
from citewell.telemetry.logs import logger
from citewell.telemetry.tasks import Tasks

POLL_SECONDS = 1.0
RENEW_SECONDS = 5.0
RUN_SECONDS = 300.0

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended; `error` is (code, message) when it failed.

    `citations` and `related` are as in the event log.
    """

    text: str = ""
    citations: Sequence[JsonObject] = ()
    related: Sequence[JsonObject] = ()
    grounded: float = 0.0
    answered: bool = False
    reason: str = ""
    error: tuple[str, str] | None = None


@dataclass(slots=True)
class Chat:
    """`run` must be running in a process that starts runs."""

    database: Database
    notifications: Notifications
    agent: Agent
    tasks: Tasks
    _mine: dict[RunId, tuple[TenantId, asyncio.Task[Any]]] = field(default_factory=dict)

    async def start(
        self,
        principal: Principal,
        text: str,
        collections: Sequence[CollectionId],
        *,
        conversation_id: ConversationId | None = None,
    ) -> Run:
        """Write the run and the question, then go on as a task of the server.

        Raises `DeniedError`, `NotFoundError` for a foreign conversation, and `UnavailableError`
        when too many runs are at work.
        """
        principal.require(Scope.ASK)
        run_id = RunId(new_id())
        request = {"text": text, "collections": [str(c) for c in collections]}
        async with self.database.transaction(principal.tenant_id) as tx:
            if conversation_id is None:
                conversation_id = await tx.conversations.create(principal.user_id, text)
            else:
                await tx.conversations.check(conversation_id, principal.user_id)
            await tx.runs.create(run_id, conversation_id, principal.user_id, request)
            await tx.conversations.add_question(conversation_id, run_id, text)
            run = await tx.runs.get(run_id, principal.user_id)
        question = Question(text, tuple(collections))
        task = self.tasks.start(f"run {run_id}", self._proceed(principal, run, question))
        self._mine[run_id] = (principal.tenant_id, task)
        task.add_done_callback(lambda _: self._mine.pop(run_id, None))
        return run

    async def get(self, principal: Principal, run_id: RunId) -> Run:
        """Raises `NotFoundError` for a run of somebody else."""
        async with self.database.transaction(principal.tenant_id) as tx:
            return await tx.runs.get(run_id, principal.user_id)

    async def cancel(self, principal: Principal, run_id: RunId) -> None:
        """Ask the process that has the run to stop it; what was said so far is kept."""
        async with self.database.transaction(principal.tenant_id) as tx:
            await tx.runs.get(run_id, principal.user_id)
            await tx.runs.request_cancel(run_id)

    async def events(
        self, principal: Principal, run_id: RunId, *, after: int = -1
    ) -> AsyncIterator[tuple[int, JsonObject]]:
        """(number, event) strictly after `after`, until the run has ended; on any instance."""
        async with self.notifications.subscribe(RUNS_TOPIC) as subscription:
            while True:
                async with self.database.transaction(principal.tenant_id) as tx:
                    run = await tx.runs.get(run_id, principal.user_id)
                    page = await tx.runs.events(run_id, after=after)
                for number, event in page:
                    yield number, event
                    after = number
                if run.state is not RunState.RUNNING and after >= run.head:
                    return
                if not page:
                    await subscription.hear(str(run_id), seconds=POLL_SECONDS)

    async def answer(
        self, principal: Principal, text: str, collections: Sequence[CollectionId]
    ) -> tuple[Run, Outcome]:
        """Start a run and follow it to its end."""
        run = await self.start(principal, text, collections)
        events = [event async for _, event in self.events(principal, run.id)]
        return run, outcome(events)

    async def run(self) -> None:
        """Keep this process's runs alive, hear cancellations, end runs that others left behind."""
        async with self.notifications.subscribe(RUNS_TOPIC) as subscription:
            while True:
                try:
                    await self._renew()
                    await self._recover()
                except UnavailableError:
                    log.warning("runs.waiting_for_database")
                await self._hear_cancellations(subscription)

    async def _hear_cancellations(self, subscription: Subscription) -> None:
        deadline = asyncio.get_running_loop().time() + RENEW_SECONDS
        while (left := deadline - asyncio.get_running_loop().time()) > 0:
            said = await subscription.next(seconds=left)
            if said and said.endswith(":cancel"):
                await self._renew()

    async def _renew(self) -> None:
        for run_id, (tenant_id, task) in list(self._mine.items()):
            try:
                async with self.database.transaction(tenant_id) as tx:
                    cancelled = await tx.runs.renew(run_id)
            except LeaseLostError:
                continue  # It has just ended.
            if cancelled:
                task.cancel()

    async def _recover(self) -> None:
        """End abandoned runs; of two processes that try, the row lets one."""
        async with self.database.system() as system:
            abandoned = await system.abandoned_runs()
        for tenant_id, run_id in abandoned:
            message = "The server that worked on this was restarted; ask again."
            try:
                async with self.database.transaction(tenant_id) as tx:
                    said = await tx.runs.events(run_id, after=-1, limit=10_000)
                    closing = unfinished([event for _, event in said])
                    closing.append(translation.failed(message, "interrupted_by_restart"))
                    await tx.runs.finish(run_id, RunState.FAILED, closing)
            except LeaseLostError:
                continue
            metrics.runs.labels("interrupted").inc()
            log.warning("run.interrupted", run_id=str(run_id))

    async def _proceed(self, principal: Principal, run: Run, question: Question) -> None:
        """The run itself, from its first to its terminal event."""
        told = RunLog(
            self.database, principal.tenant_id, run.id, run.conversation_id, MessageId(new_id())
        )
        try:
            await self._follow(principal, question, told)
            outcome_name = "finished"
        except LeaseLostError:
            log.warning("run.taken_over", run_id=str(run.id))
            return
        except asyncio.CancelledError:
            await asyncio.shield(told.finish(cancelled=True))
            metrics.runs.labels("cancelled").inc()
            raise
        except AppError as error:
            await told.fail(error.message, error.code)
            outcome_name = "failed"
        except Exception:  # The outermost loop of a run: nothing above it could tell the reader.
            log.exception("run.failed", run_id=str(run.id))
            await told.fail("Something went wrong on the server.", "internal")
            outcome_name = "failed"
        metrics.runs.labels(outcome_name).inc()

    async def _follow(self, principal: Principal, question: Question, told: RunLog) -> None:
        async with asyncio.timeout(RUN_SECONDS):
            await told.begin()
            async with aclosing(self.agent.run(principal, question)) as events:
                async for event in events:
                    await told.tell(event)
            await told.finish()


def outcome(events: Sequence[JsonObject]) -> Outcome:
    """What a run's log says of its end."""
    text = ""
    said: Mapping[str, Any] = {}
    error: tuple[str, str] | None = None
    for event in events:
        match event["type"]:
            case "TEXT_MESSAGE_CONTENT":
                text += event["delta"]
            case "TEXT_MESSAGE_END":
                said = event.get("metadata", {}).get("rag", {})
            case "RUN_ERROR":
                error = (str(event.get("code", "internal")), str(event["message"]))
    return Outcome(
        text=text,
        citations=said.get("citations", ()),
        related=said.get("related", ()),
        grounded=said.get("grounded", 0.0),
        answered=said.get("answered", False),
        reason=said.get("reason", ""),
        error=error,
    )


def unfinished(events: Sequence[JsonObject]) -> list[JsonObject]:
    """The events that close what a log left open, innermost first."""
    steps: list[str] = []
    message: str | None = None
    for event in events:
        match event["type"]:
            case "STEP_STARTED":
                steps.append(event["stepName"])
            case "STEP_FINISHED":
                steps.remove(event["stepName"])
            case "TEXT_MESSAGE_START":
                message = event["messageId"]
            case "TEXT_MESSAGE_END":
                message = None
    closing = [] if message is None else [translation.message_cut(message)]
    return [*closing, *(translation.step_ended(name) for name in reversed(steps))]
