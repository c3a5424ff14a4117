"""A conversation's turns: started, followed, cancelled, and looked after while they run."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import astuple, dataclass, field, replace
from functools import partial
from itertools import groupby
from uuid import UUID

from citewell.chat import translation
from citewell.chat.answering import Answerer
from citewell.chat.approving.deciding import Word, go_on, withdraw
from citewell.chat.following import Follower
from citewell.chat.history import history
from citewell.chat.log import PATIENCE_SECONDS, RunLog
from citewell.chat.memory import Memory, Summary
from citewell.chat.narration import Narration
from citewell.chat.noting import note
from citewell.chat.outcome import Outcome, outcome_of
from citewell.chat.recovery import Recovery
from citewell.chat.turn import Turn
from citewell.domain.errors import GoneError, InvalidError, LeaseLostError, UnavailableError
from citewell.domain.ids import CollectionId, ConversationId, RunId, new_id
from citewell.domain.principal import Principal, Scope
from citewell.domain.run_events import Question
from citewell.storage.database import Database
from citewell.storage.notifications import Notifications
from citewell.storage.repetition import RequestKey, do_once
from citewell.storage.repositories.conversing.run_log import RUNS_TOPIC, JsonObject
from citewell.storage.repositories.conversing.runs import Run, RunQuery
from citewell.storage.transaction import Transaction
from citewell.telemetry.logs import logger
from citewell.telemetry.tasks import Tasks

TEND_SECONDS = 5.0
TITLE_CHARACTERS = 80

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class _Created:
    run_id: UUID


@dataclass(frozen=True, slots=True)
class Chat:
    """Runs belong to the server: whoever asked may leave and come back, to any process.

    Every method that takes a principal raises `DeniedError` without `Scope.ASK`, and
    `NotFoundError` for what is not this user's. `run` must be running for runs to stay alive for
    longer than their lease; `tend_seconds` is how often it looks after them. A run that asks its
    user something waits for `patience` seconds.
    """

    database: Database
    notifications: Notifications
    agent: Answerer
    tasks: Tasks
    tend_seconds: float = TEND_SECONDS
    memory: Memory = field(default_factory=Summary)
    patience: float = PATIENCE_SECONDS
    _turns: dict[RunId, Turn] = field(default_factory=dict)

    async def start(
        self,
        principal: Principal,
        text: str,
        collections: Sequence[CollectionId],
        *,
        conversation_id: ConversationId | None = None,
        once: RequestKey | None = None,
    ) -> Run:
        """Ask, in a new conversation unless one is given; on return the run is stored and goes on.

        In a conversation it is asked with what was said there before. A repetition under the same
        key, `once`, gets the run of the first request. Raises `InvalidError` for an empty question,
        and `UnavailableError` when the server has as much work as it can do; nothing is stored
        then.
        """
        principal.require(Scope.ASK)
        asked = translation.storable(text).strip()
        if not asked:
            raise InvalidError("The question is empty.", hint="Write a question.")
        question = Question(asked, tuple(collections))
        turn = Turn(self.agent, principal, question)
        return await self._begin(turn, partial(self._create, turn, conversation_id, once))

    async def resume(
        self,
        principal: Principal,
        run_id: RunId,
        approval_id: UUID,
        *,
        approved: bool,
        once: RequestKey | None = None,
    ) -> Run:
        """Answer what a run that waits has asked: the run that goes on from there.

        A refusal is told to the model as what came of its call. Raises `GoneError` when the time is
        over, and `ConflictError` when it is answered already or the run does not ask it; `once` and
        `UnavailableError` are as for `start`.
        """
        principal.require(Scope.ASK)
        turn = Turn(self.agent, principal, Question("", ()))
        word = Word(run_id, approval_id, approved=approved)
        return await self._begin(turn, partial(self._go_on, turn, word, once))

    async def get(self, principal: Principal, run_id: RunId) -> Run:
        """The run as it is now."""
        principal.require(Scope.ASK)
        async with self.database.transaction(principal) as tx:
            return await tx.runs.get(run_id, principal.user_id)

    async def page(self, principal: Principal, query: RunQuery) -> Sequence[Run]:
        """The caller's own runs, the newest first."""
        principal.require(Scope.ASK)
        async with self.database.transaction(principal) as tx:
            if query.conversation_id is not None:
                await tx.conversations.get(query.conversation_id, principal.user_id)
            return await tx.runs.page(principal.user_id, query)

    def events(
        self, principal: Principal, run_id: RunId, *, after: int = -1
    ) -> AsyncGenerator[tuple[int, JsonObject], None]:
        """(number, AG-UI event) strictly after `after`, then as they happen, to the run's end.

        `NotFoundError` comes at the first step, `UnavailableError` when the database stays away.
        Closing the generator leaves the run alone.
        """
        principal.require(Scope.ASK)
        return Follower(self.database, self.notifications).events(principal, run_id, after)

    async def check_kept(self, principal: Principal, run: Run, *, after: int) -> None:
        """Raise `GoneError` when the event that follows `after` was there and is kept no longer."""
        if after >= run.head:
            return
        async with self.database.transaction(principal) as tx:
            page = await tx.runs.events(run.id, after=after, limit=1)
        if not page or page[0][0] != after + 1:
            raise GoneError(
                "The events of this run are kept no longer.", hint="Show the run itself instead."
            )

    async def cancel(self, principal: Principal, run_id: RunId) -> None:
        """Stop the run, in whichever process it is; no effect on one that has ended.

        The run may still go on for a moment: its last event says how it ended.
        """
        principal.require(Scope.ASK)
        async with self.database.transaction(principal) as tx:
            await tx.runs.get(run_id, principal.user_id)
            if not await withdraw(tx, principal, run_id):
                await tx.runs.request_cancel(run_id)
        self._stop(run_id)

    async def answer(
        self,
        principal: Principal,
        text: str,
        collections: Sequence[CollectionId],
        *,
        conversation_id: ConversationId | None = None,
        once: RequestKey | None = None,
    ) -> tuple[Run, Outcome]:
        """Ask and wait for the end, as `start` and `events` together; the run outlives its caller.

        A run that fails is an `Outcome` with an error, not an exception.
        """
        started = await self.start(
            principal, text, collections, conversation_id=conversation_id, once=once
        )
        events = [event async for _, event in self.events(principal, started.id)]
        return await self.get(principal, started.id), outcome_of(events)

    async def run(self) -> None:
        """Until cancelled: keep the leases of own runs, stop those that somebody wants stopped.

        Also ends runs that a dead process has left, within 30 seconds of its death, and those that
        nobody has answered in time.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear())
            group.create_task(self._tend())

    async def _begin(self, turn: Turn, store: Callable[[RunId], Awaitable[Run]]) -> Run:
        """Carry a run once `store` has stored it, unless that gives the run of an earlier request.

        There is a task for it before anything is stored: a server that is full refuses it whole.
        """
        run_id = RunId(new_id())
        task = self.tasks.start(f"run {run_id}", turn.proceed())
        try:
            run = await store(run_id)
            if run.id == run_id:
                self._turns[run_id] = turn
                task.add_done_callback(lambda _: self._turns.pop(run_id, None))
                tenant_id, narration = turn.principal.tenant_id, Narration(run_id)
                turn.begin(RunLog(self.database, tenant_id, run, narration, self.patience))
        finally:
            if not turn.begun.done():
                task.cancel()
        return run

    async def _go_on(self, turn: Turn, word: Word, once: RequestKey | None, run_id: RunId) -> Run:
        principal = turn.principal
        async with self.database.transaction(principal) as tx:

            async def create() -> _Created:
                turn.decision = await go_on(tx, principal, word, run_id)
                return _Created(run_id)

            key = None if once is None else once.of(principal, *map(str, astuple(word)))
            created, _ = await do_once(tx, key, _Created, create)
            return await tx.runs.get(RunId(created.run_id), principal.user_id)

    async def _create(
        self,
        turn: Turn,
        conversation_id: ConversationId | None,
        once: RequestKey | None,
        run_id: RunId,
    ) -> Run:
        principal, question = turn.principal, turn.question
        inside = [str(one) for one in question.collections]
        body = (question.text, str(conversation_id), *inside)
        made: list[Run] = []
        async with self.database.transaction(principal) as tx:

            async def create() -> _Created:
                within = await _conversation(tx, self.memory, turn, conversation_id)
                request = {"text": question.text, "collections": inside}
                started = [translation.run_started(within, run_id)]
                made.append(
                    await tx.runs.create(run_id, within, principal.user_id, request, started)
                )
                await tx.conversations.add_question(within, run_id, question.text)
                return _Created(run_id)

            key = None if once is None else once.of(principal, *body)
            created, _ = await do_once(tx, key, _Created, create)
            run_id = RunId(created.run_id)
            return made[0] if made else await tx.runs.get(run_id, principal.user_id)

    async def _hear(self) -> None:
        async with self.notifications.subscribe(RUNS_TOPIC) as heard:
            while True:
                said = await heard.next(seconds=self.tend_seconds)
                if said is not None and said.endswith(":cancel"):
                    self._stop(RunId(UUID(said.split(":")[1])))

    async def _tend(self) -> None:
        recovery = Recovery(self.database)
        while True:
            try:
                await self._renew()
                await recovery.look(self._turns)
            except UnavailableError:
                log.warning("chat.waiting_for_database")
            await asyncio.sleep(self.tend_seconds)

    async def _renew(self) -> None:
        own = sorted(self._turns.items(), key=lambda item: item[1].principal.tenant_id)
        for tenant_id, turns in groupby(own, key=lambda item: item[1].principal.tenant_id):
            async with self.database.transaction(tenant_id) as tx:
                for run_id, _ in turns:
                    await self._renew_one(tx, run_id)

    async def _renew_one(self, tx: Transaction, run_id: RunId) -> None:
        try:
            stop = await tx.runs.renew(run_id)
        except LeaseLostError:
            stop = True
        if stop:
            self._stop(run_id)

    def _stop(self, run_id: RunId) -> None:
        turn = self._turns.get(run_id)
        if turn is not None:
            turn.stop()


async def _conversation(
    tx: Transaction, memory: Memory, turn: Turn, given: ConversationId | None
) -> ConversationId:
    """Where a turn belongs; it is told what was said there so far, and what to keep in mind."""
    user, question = turn.principal.user_id, turn.question
    title = " ".join(question.text.split())[:TITLE_CHARACTERS]
    within = await tx.conversations.create(user, title) if given is None else given
    if given is not None and not (await tx.conversations.get(given, user)).title:
        await tx.conversations.rename(given, title)
    known = await history(tx, memory, user, given)
    if known.summed_to is not None:
        await tx.conversations.summarise(within, known.remembered.summary, known.summed_to)
    noted = await note(tx, user, question.text)
    turn.question = replace(question, remembered=replace(known.remembered, noted=noted))
    return within
