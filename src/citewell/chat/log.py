"""The log of a run that this process carries: events are stored before anybody can see them."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from citewell.chat.approving.asking import run_paused
from citewell.chat.approving.desk import RunDesk
from citewell.chat.narration import Ending, Event, Narration
from citewell.domain.errors import LeaseLostError
from citewell.domain.ids import RunId, TenantId
from citewell.domain.run_events import RunEvent
from citewell.domain.runs.states import RunState
from citewell.storage.at_once.appending import append
from citewell.storage.at_once.ending import Said, end
from citewell.storage.database import Database
from citewell.storage.repositories.conversing.run_log import Batch
from citewell.storage.repositories.conversing.runs import Run
from citewell.storage.transaction import Transaction
from citewell.telemetry.logs import logger

BATCH_SECONDS = 0.05
PATIENCE_SECONDS = 3600.0
# Of one event's text, and of all that waits: an answer that comes at once is not stored in pieces.
EVENT_CHARACTERS, BATCH_CHARACTERS = 256, 8_192
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
    _head: int = field(init=False)
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
        self._head = self.run.head
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
        """Store the rest, close what is open, and end the run; at once with the message.

        Raises `UnavailableError` as `keep` does. Call it only after `keep` has returned.
        """
        with self._until_lost():
            if self._writing:
                await self._store()
            events = [*self._pending, *self.narration.open.closing(ending)]
            if ending.state is RunState.PAUSED:
                await self.at.persist(partial(self._pause, events))
            else:
                await self.at.patiently(partial(self._finish, ending, events))

    async def _finish(self, ending: Ending, events: Sequence[Event]) -> None:
        run, answer = self.run, self.narration.kept_answer(ending)
        terminal = ending.terminal(run.conversation_id, run.id, self.narration.usage)
        # Under the question, which was asked in the run in which it all began.
        partly = self.narration.answer is None
        said = None if answer is None else Said(self.at.thread, answer, partial=partly)
        seal = await self.database.seal(self.tenant_id)
        last = Batch(run.id, self._head, [*events, terminal])
        await end(self.database.write, seal, last, ending.state, said)

    async def _pause(self, events: Sequence[Event], tx: Transaction) -> None:
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
        room = len(last.get("delta", "")) + len(delta) <= EVENT_CHARACTERS
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
            await self.at.patiently(self._append)
            self._uncertain = False
            self._head += len(self._writing)
            self._writing = []

    async def _append(self) -> None:
        if self._uncertain and await self._head_is_stored():
            return
        seal = await self.database.seal(self.tenant_id)
        self._uncertain = True
        await append(self.database.write, seal, Batch(self.run.id, self._head, self._writing))

    async def _head_is_stored(self) -> bool:
        async with self.database.transaction(self.tenant_id) as tx:
            # Takes the row's lock, so a transaction that is still dying has decided by then.
            await tx.runs.renew(self.run.id)
            stored = await tx.runs.get(self.run.id, self.run.user_id)
        return stored.head == self._head + len(self._writing)

    @contextlib.contextmanager
    def _until_lost(self) -> Iterator[None]:
        try:
            yield
        except LeaseLostError:
            self.lost = True
            log.info("run.ended_elsewhere", run=str(self.run.id))
