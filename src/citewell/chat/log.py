"""The log of a run that this process carries: events are stored before anybody can see them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from citewell.chat.approving.asking import run_paused
from citewell.chat.approving.desk import RunDesk
from citewell.chat.narration import Ending, Event, Narration
from citewell.domain.errors import LeaseLostError
from citewell.domain.ids import RunId, TenantId
from citewell.domain.run_events import RunEvent
from citewell.storage.database import Database
from citewell.storage.repositories.runs import Run, RunState
from citewell.storage.transaction import Transaction
from citewell.telemetry.logs import logger

BATCH_SECONDS = 0.05
PATIENCE_SECONDS = 3600.0
BATCH_CHARACTERS = 256
MOST_PENDING = 1000

log = logger(__name__)


@dataclass(slots=True)
class RunLog:
    """Batches the events of `run` and appends them; the run holds its first event already.

    `lost` says that another process has ended the run: nothing is written any more. Where a person
    is asked, they have `patience` seconds.
    """

    database: Database
    tenant_id: TenantId
    run: Run
    narration: Narration
    patience: float = PATIENCE_SECONDS
    lost: bool = False
    _pending: list[Event] = field(default_factory=list)
    _writing: list[Event] = field(default_factory=list)
    _head: int = 0
    _characters: int = 0
    # After a broken connection nobody knows whether the last transaction was committed.
    _uncertain: bool = False
    _stopped: bool = False
    at: RunDesk = field(init=False)
    _some: asyncio.Event = field(default_factory=asyncio.Event)
    _full: asyncio.Event = field(default_factory=asyncio.Event)
    _room: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """A run that goes on from another has its desk."""
        thread = RunId(UUID(self.run.request.get("thread", str(self.run.id))))
        self.at = RunDesk(self.database, self.tenant_id, self.run.id, thread)

    async def add(self, event: RunEvent) -> None:
        """Take an event in; waits only while `MOST_PENDING` events are not stored yet."""
        for told in self.narration.tell(event):
            self._put(told)
        while len(self._pending) >= MOST_PENDING:
            self._room.clear()
            await self._room.wait()

    async def keep(self) -> None:
        """Store what comes in, until `stop` or until the run is lost.

        Raises `UnavailableError` when the database is away for longer than `OUTAGE_SECONDS`.
        """
        with self._until_lost():
            while not self._stopped:
                await self._some.wait()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BATCH_SECONDS):
                        await self._full.wait()
                if not self._stopped:
                    await self._store()

    def stop(self) -> None:
        """Let `keep` return; what is not stored yet is left to `end`."""
        self._stopped = True
        self._some.set()
        self._full.set()

    async def end(self, ending: Ending) -> None:
        """Store the rest, close what is open, and end the run; in one transaction with the message.

        Raises `UnavailableError` as `keep` does. Call it only after `keep` has returned.
        """
        with self._until_lost():
            if self._writing:
                await self._store()
            events = [*self._pending, *self.narration.open.closing(ending)]
            finish = self._pause if ending.state is RunState.PAUSED else self._finish
            await self._persist(partial(finish, ending, events))

    async def _finish(self, ending: Ending, events: Sequence[Event], tx: Transaction) -> None:
        run, answer = self.run, self.narration.kept_answer(ending)
        terminal = ending.terminal(run.conversation_id, run.id, self.narration.usage)
        await tx.runs.finish(run.id, ending.state, [*events, terminal])
        if self.at.is_used:
            await tx.checkpoints.drop(run.id)
        if answer is not None:
            # Under the question, which was asked in the run in which it all began.
            partly = self.narration.answer is None
            await tx.conversations.add_answer(
                run.conversation_id, self.at.thread, answer, partial=partly
            )

    async def _pause(self, _: Ending, events: Sequence[Event], tx: Transaction) -> None:
        run, wanted = self.run, self.narration.wanted
        assert wanted is not None, "only a question to a person pauses a run"
        asked = await tx.approvals.ask(run.id, run.user_id, wanted, seconds=self.patience)
        terminal = run_paused(
            run.conversation_id, run.id, self.narration.usage, asked, language=wanted.language
        )
        await tx.runs.pause(run.id, [*events, terminal])

    def _put(self, event: Event) -> None:
        delta = event.get("delta", "")
        last = self._pending[-1] if self._pending else {}
        room = len(last.get("delta", "")) + len(delta) <= BATCH_CHARACTERS
        if delta and room and last.get("messageId") == event.get("messageId") and "delta" in last:
            self._pending[-1] = {**last, "delta": last["delta"] + delta}
        else:
            self._pending.append(event)
        self._characters += len(delta)
        self._some.set()
        if self._characters >= BATCH_CHARACTERS:
            self._full.set()

    async def _store(self) -> None:
        if not self._writing:
            self._writing, self._pending, self._characters = self._pending, [], 0
            self._some.clear()
            self._full.clear()
            self._room.set()
        if self._writing:
            await self._persist(self._append)
            self._head += len(self._writing)
            self._writing = []

    async def _append(self, tx: Transaction) -> None:
        if self._uncertain and await self._head_is_stored(tx):
            return
        await tx.runs.append(self.run.id, self._writing)

    async def _head_is_stored(self, tx: Transaction) -> bool:
        # Renewing takes the row's lock, so a transaction that is still dying has decided by then.
        await tx.runs.renew(self.run.id)
        stored = await tx.runs.get(self.run.id, self.run.user_id)
        return stored.head == self._head + len(self._writing)

    async def _persist(self, write: Callable[[Transaction], Awaitable[None]]) -> None:
        async def unsure(tx: Transaction) -> None:
            await write(tx)
            self._uncertain = True

        await self.at.persist(unsure)
        self._uncertain = False

    @contextlib.contextmanager
    def _until_lost(self) -> Iterator[None]:
        try:
            yield
        except LeaseLostError:
            self.lost = True
            log.info("run.ended_elsewhere", run=str(self.run.id))
