"""Runs that another process left behind are ended, each exactly once."""

from collections.abc import Container
from dataclasses import dataclass, field
from uuid import UUID

from citewell.chat.approving.deciding import expire
from citewell.chat.narration import INTERRUPTED, OpenParts, partial_answer
from citewell.domain.errors import LeaseLostError
from citewell.domain.ids import ConversationId, RunId, TenantId
from citewell.domain.runs.states import RunState
from citewell.storage.database import Database
from citewell.storage.transaction import Transaction
from citewell.telemetry import metrics
from citewell.telemetry.logs import logger

log = logger(__name__)


@dataclass(slots=True)
class Recovery:
    """Looks for runs whose lease has expired."""

    database: Database
    _suspects: set[RunId] = field(default_factory=set)

    async def look(self, own: Container[RunId]) -> int:
        """End the runs that were abandoned at the last look too, or not answered; says how many.

        Two looks, because after an outage of the database every lease has expired, and the owner of
        a run, in `own` or elsewhere, has to get a chance to renew it.
        """
        async with self.database.system() as system:
            abandoned = [(t, r) for t, r in await system.abandoned_runs() if r not in own]
        certain = [(tenant, run) for tenant, run in abandoned if run in self._suspects]
        self._suspects = {run for _, run in abandoned}
        ended = 0
        for tenant_id, run_id in certain:
            ended += await self._end(tenant_id, run_id)
        return ended + await self._expire()

    async def _expire(self) -> int:
        """End the runs that wait for a person longer than they may."""
        async with self.database.system() as system:
            unanswered = await system.unanswered()
        ended = 0
        for tenant_id, run_id in unanswered:
            async with self.database.transaction(tenant_id) as tx:
                expired = await expire(tx, run_id)
            if expired:
                log.info("run.unanswered", run=str(run_id))
            ended += expired
        return ended

    async def _end(self, tenant_id: TenantId, run_id: RunId) -> bool:
        try:
            async with self.database.transaction(tenant_id) as tx:
                # Takes the row's lock: nobody appends or ends this run until we have.
                await tx.runs.renew(run_id)
                await _finish(tx, run_id)
        except LeaseLostError:
            return False
        metrics.runs.labels(RunState.FAILED.value).inc()
        log.warning("run.recovered", run=str(run_id))
        return True


async def _finish(tx: Transaction, run_id: RunId) -> None:
    parts, thread = OpenParts(), run_id
    conversation_id: ConversationId | None = None
    after = -1
    while page := await tx.runs.events(run_id, after=after):
        for number, event in page:
            parts.observe(event)
            after = number
            if event["type"] == "RUN_STARTED":
                conversation_id = ConversationId(UUID(event["threadId"]))
                before = event.get("metadata", {}).get("rag", {})
                thread = RunId(UUID(before.get("thread", str(run_id))))
    assert conversation_id is not None, "the first event is stored together with the run"
    terminal = INTERRUPTED.terminal(conversation_id, run_id)
    await tx.runs.finish(run_id, INTERRUPTED.state, [*parts.closing(INTERRUPTED), terminal])
    await tx.checkpoints.drop(run_id)
    answer = partial_answer(parts.text, INTERRUPTED)
    if answer is not None:
        await tx.conversations.add_answer(conversation_id, thread, answer, partial=True)
