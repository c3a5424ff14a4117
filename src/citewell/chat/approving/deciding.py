"""What a person decides about a run that waits, and what becomes of one that nobody answers."""

from dataclasses import dataclass
from uuid import UUID

from citewell.chat import translation
from citewell.domain.ids import RunId
from citewell.domain.principal import Principal
from citewell.domain.runs.approvals import Approval, Decision, Standing
from citewell.domain.runs.states import RunState
from citewell.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says to the question `approval_id` of a run that waits."""

    run_id: RunId
    approval_id: UUID
    approved: bool


async def go_on(tx: Transaction, principal: Principal, word: Word, next_id: RunId) -> Decision:
    """Take the person's word, once, and store the run that goes on; the one that waited ends.

    Raises as `ApprovalRepository.decide`, and `NotFoundError` for a run of somebody else.
    """
    paused = await tx.runs.get(word.run_id, principal.user_id)
    approval = await tx.approvals.decide(
        paused.id, principal.user_id, word.approval_id, approved=word.approved
    )
    await tx.runs.release(paused.id, RunState.FINISHED)
    wanted, within = approval.wanted, paused.conversation_id
    request = {
        "resumes": str(paused.id),
        "thread": str(wanted.thread),
        "interrupt": str(approval.id),
        "approved": word.approved,
    }
    started = translation.run_started(within, next_id, resumes=paused.id, thread=wanted.thread)
    await tx.runs.create(next_id, within, principal.user_id, request, [started])
    await tx.checkpoints.hand_on(wanted.thread, next_id)
    action = "approval.approved" if word.approved else "approval.refused"
    await _record(tx, principal.user_id, action, approval)
    return Decision(approval.id, wanted.thread, wanted.digest, word.approved)


async def withdraw(tx: Transaction, principal: Principal, run_id: RunId) -> bool:
    """Cancel a run that waits; whether it waited."""
    approval = await _end(tx, run_id, Standing.CANCELLED)
    if approval is not None:
        await _record(tx, principal.user_id, "approval.cancelled", approval)
    return approval is not None


async def expire(tx: Transaction, run_id: RunId) -> bool:
    """Cancel a run that nobody has answered in time; whether it still waited."""
    approval = await _end(tx, run_id, Standing.EXPIRED)
    if approval is not None:
        await _record(tx, None, "approval.expired", approval)
    return approval is not None


async def _end(tx: Transaction, run_id: RunId, standing: Standing) -> Approval | None:
    # The question's row first, as whoever decides does.
    approval = await tx.approvals.withdraw(run_id, standing)
    if approval is not None:
        await tx.runs.release(run_id, RunState.CANCELLED)
        await tx.checkpoints.drop(run_id)
    return approval


async def _record(tx: Transaction, actor: UUID | None, action: str, approval: Approval) -> None:
    """The arguments are not written down, which may hold anybody's words: their digest is."""
    wanted = approval.wanted
    details = {"tool": wanted.tool, "digest": wanted.digest, "run": str(approval.run_id)}
    await tx.audit.record(actor, action, str(approval.id), details=details)
