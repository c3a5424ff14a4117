"""A question to a person goes one way: asked, decided, begun, done; and each step once."""

import asyncio

import pytest

from citewell.domain.errors import ConflictError, GoneError
from citewell.domain.ids import ApprovalId, RunId, TenantId, UserId, new_id
from citewell.domain.runs.approvals import Begun, Decision, Outcome, Standing, Wanted
from citewell.storage.database import Database
from tests.unit.storage.rows import execute

USER = UserId(new_id())


async def asked(database: Database, tenant: TenantId) -> tuple[RunId, Decision]:
    """A run that waits, and the word that would approve of its call."""
    run = RunId(new_id())
    async with database.transaction(tenant) as tx:
        within = await tx.conversations.create(USER, "title")
        await tx.runs.create(run, within, USER, {})
        wanted = Wanted(run, 1, "send", {"to": "ada"}, "digest", ("egress",))
        approval = await tx.approvals.ask(run, USER, wanted, seconds=60.0)
    return run, Decision(approval.id, run, "digest", approved=True)


async def approved(database: Database, tenant: TenantId) -> Decision:
    run, decision = await asked(database, tenant)
    async with database.transaction(tenant) as tx:
        await tx.approvals.decide(run, USER, decision.approval_id, approved=True)
    return decision


async def begun(database: Database, tenant: TenantId, decision: Decision) -> Begun:
    async with database.transaction(tenant) as tx:
        return await tx.approvals.begin(decision)


async def test_of_many_that_begin_a_call_at_once_one_may_run(
    database: Database, tenant: TenantId
) -> None:
    decision = await approved(database, tenant)
    found = await asyncio.gather(*(begun(database, tenant, decision) for _ in range(8)))
    assert sum(one.may_run for one in found) == 1
    assert all(one.is_unknown for one in found if not one.may_run)


async def test_a_call_that_has_ended_gives_what_it_gave_before(
    database: Database, tenant: TenantId
) -> None:
    decision = await approved(database, tenant)
    assert (await begun(database, tenant, decision)).may_run
    async with database.transaction(tenant) as tx:
        await tx.approvals.end(decision, Outcome("Sent.", failed=False))
        await tx.approvals.end(decision, Outcome("Sent twice.", failed=True))
    again = await begun(database, tenant, decision)
    assert again == Begun(may_run=False, before=Outcome("Sent.", failed=False))


async def test_an_approval_is_of_use_for_its_own_call_alone_and_not_for_long(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    decision = await approved(database, tenant)
    thread, digest, own = decision.thread, decision.digest, decision.approval_id
    others = [
        Decision(own, thread, "other", approved=True),
        Decision(own, RunId(new_id()), digest, approved=True),
        Decision(ApprovalId(new_id()), thread, digest, approved=True),
    ]
    for other in others:
        assert await begun(database, tenant, other) == Begun(may_run=False)
    assert await begun(database, other_tenant, decision) == Begun(may_run=False)
    await execute(database, "UPDATE approvals SET expires_at = now()")
    assert await begun(database, tenant, decision) == Begun(may_run=False)


async def test_what_was_refused_withdrawn_or_not_answered_never_runs(
    database: Database, tenant: TenantId
) -> None:
    for standing in (Standing.REFUSED, Standing.CANCELLED, Standing.EXPIRED):
        run, decision = await asked(database, tenant)
        assert await begun(database, tenant, decision) == Begun(may_run=False)
        async with database.transaction(tenant) as tx:
            if standing is Standing.REFUSED:
                await tx.approvals.decide(run, USER, decision.approval_id, approved=False)
            else:
                assert await tx.approvals.withdraw(run, standing)
                assert await tx.approvals.withdraw(run, standing) is None
        expected = GoneError if standing is Standing.EXPIRED else ConflictError
        with pytest.raises(expected):
            async with database.transaction(tenant) as tx:
                await tx.approvals.decide(run, USER, decision.approval_id, approved=True)
        assert await begun(database, tenant, decision) == Begun(may_run=False)


async def test_one_call_of_a_run_is_asked_about_once(database: Database, tenant: TenantId) -> None:
    run, _ = await asked(database, tenant)
    wanted = Wanted(run, 1, "send", {"to": "eve"}, "other", ("egress",))
    with pytest.raises(Exception, match="uq_approvals_thread_id_number"):
        async with database.transaction(tenant) as tx:
            await tx.approvals.ask(run, USER, wanted, seconds=60.0)


async def test_only_the_last_state_of_a_run_is_kept_until_its_holder_ends(
    database: Database, tenant: TenantId, other_tenant: TenantId
) -> None:
    run, _ = await asked(database, tenant)
    following = RunId(new_id())
    async with database.transaction(tenant) as tx:
        await tx.checkpoints.keep(run, run, "1", "first")
        await tx.checkpoints.write(run, "1", ["a"])
        await tx.checkpoints.keep(run, run, "2", "second")
        await tx.checkpoints.write(run, "1", ["late"])
        await tx.checkpoints.write(run, "2", ["b"])
        await tx.checkpoints.write(run, "2", ["c"])
        assert await tx.checkpoints.load(run) == ("2", "second", ["b", "c"])
        await tx.checkpoints.hand_on(run, following)
        await tx.checkpoints.drop(run)
        assert await tx.checkpoints.load(run) is not None
    async with database.transaction(other_tenant) as tx:
        assert await tx.checkpoints.load(run) is None
        await tx.checkpoints.drop(following)
    async with database.transaction(tenant) as tx:
        await tx.checkpoints.drop(following)
        assert await tx.checkpoints.load(run) is None
