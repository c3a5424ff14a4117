"""The event log of one run: numbered, durable, and only then seen."""

import asyncio
import time
from dataclasses import dataclass, field

from citewell.chat import translation
from citewell.chat.translation import JsonObject
from citewell.domain.errors import UnavailableError
from citewell.domain.ids import ConversationId, MessageId, RunId, TenantId
from citewell.domain.passages import Answer
from citewell.domain.run_events import (
    AnswerFinished,
    RunEvent,
    StepFinished,
    StepStarted,
    TextProduced,
)
from citewell.storage.database import Database
from citewell.storage.repositories.runs import RunState

BATCH_SECONDS = 0.05
BATCH_CHARS = 256
STORE_SECONDS = 30.0
RETRY_SECONDS = 0.5


@dataclass(slots=True)
class RunLog:
    """Collects events into batches of at most `BATCH_SECONDS` or `BATCH_CHARS` of text.

    Raises `LeaseLostError` once another process has ended the run.
    """

    database: Database
    tenant_id: TenantId
    run_id: RunId
    conversation_id: ConversationId
    message_id: MessageId
    text: str = ""
    answer: Answer | None = None
    _pending: list[JsonObject] = field(default_factory=list)
    _pending_chars: int = 0
    _since: float = 0.0
    _open_steps: list[str] = field(default_factory=list)
    _message_open: bool = False

    async def begin(self) -> None:
        """The run has started."""
        self._add(translation.started(self.run_id, self.conversation_id))
        await self._store()

    async def tell(self, event: RunEvent) -> None:
        """Add one event of the agent."""
        match event:
            case StepStarted(name):
                self._open_steps.append(name)
            case StepFinished(name):
                self._open_steps.remove(name)
            case TextProduced(text):
                self._begin_message()
                self.text += text
                self._pending_chars += len(text)
            case AnswerFinished(answer):
                self._begin_message()
                self._message_open = False
                self.answer = answer
            case _:
                pass
        self._add(translation.translate(event, self.message_id))
        late = time.monotonic() - self._since >= BATCH_SECONDS
        if late or self._pending_chars >= BATCH_CHARS:
            await self._store()

    async def finish(self, *, cancelled: bool = False) -> None:
        """The run has ended well, or was stopped: close what is open and say so, once."""
        self._close_open()
        self._add(translation.finished(self.run_id, self.conversation_id, cancelled=cancelled))
        await self._store(RunState.CANCELLED if cancelled else RunState.FINISHED)

    async def fail(self, message: str, code: str) -> None:
        """The run has failed: close what is open and say why, once."""
        self._close_open()
        self._add(translation.failed(message, code))
        await self._store(RunState.FAILED)

    def _begin_message(self) -> None:
        if not self._message_open:
            self._message_open = True
            self._add(translation.message_started(self.message_id))

    def _close_open(self) -> None:
        if self._message_open:
            self._message_open = False
            self._add(translation.message_cut(str(self.message_id)))
        while self._open_steps:
            self._add(translation.step_ended(self._open_steps.pop()))

    def _add(self, event: JsonObject) -> None:
        if not self._pending:
            self._since = time.monotonic()
        self._pending.append(event)

    async def _store(self, ended: RunState | None = None) -> None:
        """Commit the batch; a database that is away for a moment is waited for."""
        deadline = time.monotonic() + STORE_SECONDS
        while True:
            try:
                await self._commit(ended)
            except UnavailableError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._pending.clear()
                self._pending_chars = 0
                return

    async def _commit(self, ended: RunState | None) -> None:
        async with self.database.transaction(self.tenant_id) as tx:
            if ended is None:
                await tx.runs.append(self.run_id, self._pending)
                return
            await tx.runs.finish(self.run_id, ended, self._pending)
            complete = self.answer is not None
            said = self.answer or Answer(self.text, (), 0.0, answered=False)
            if complete or self.text:
                await tx.conversations.add_answer(
                    self.conversation_id, self.run_id, said, partial=not complete
                )
