"""Budgets of one tenant: reserved before a call of a model, settled after it."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Text, cast, func, select, text, update

from citewell.domain.allowances import (
    Account,
    Amount,
    Bill,
    Budget,
    ModelCall,
    Payer,
    Period,
    Spending,
)
from citewell.domain.ids import new_id
from citewell.storage.repositories.jobs import JOBS_TOPIC
from citewell.storage.repositories.scope import Scope
from citewell.storage.tables.conversations import usage
from citewell.storage.tables.documents import jobs

# Longer than any call may take: its process has died.
RESERVED_FOR = timedelta(minutes=15)

_ALL = text(
    "WITH clock AS (SELECT now() AT TIME ZONE 'UTC' AS at), held AS"
    " (SELECT coalesce(sum(tokens), 0) AS tokens, coalesce(sum(money), 0) AS money"
    "  FROM reservations WHERE tenant_id = :tenant AND expires_at > now())"
    " SELECT p.period, b.tokens AS most_tokens, b.money AS most_money,"
    "  CAST(held.tokens + s.tokens AS bigint) AS tokens, held.money + s.money AS money,"
    "  extract(epoch FROM date_trunc(p.period, clock.at) + p.length - clock.at) AS resets_in"
    " FROM clock, held, (VALUES ('day', interval '1 day'), ('month', interval '1 month'))"
    "  AS p (period, length)"
    " LEFT JOIN budgets b ON b.tenant_id = :tenant AND b.period = p.period"
    " CROSS JOIN LATERAL (SELECT coalesce(sum(tokens), 0) AS tokens,"
    "  coalesce(sum(money), 0) AS money FROM spending, clock WHERE tenant_id = :tenant"
    "  AND day >= CAST(date_trunc(p.period, clock.at) AS date)) s ORDER BY p.period"
)
_SET = text(
    "INSERT INTO budgets (tenant_id, period, tokens, money)"
    " VALUES (:tenant, :period, :tokens, :money)"
    " ON CONFLICT (tenant_id, period) DO UPDATE SET tokens = excluded.tokens,"
    " money = excluded.money"
)
# Two reservations of a tenant follow each other: each sees what the other one holds.
_HOLD = text("SELECT pg_advisory_xact_lock(hashtextextended('budget ' || :tenant, 0))")
_RESERVE = text(
    "WITH gone AS (DELETE FROM reservations WHERE tenant_id = :tenant AND expires_at <= now())"
    " INSERT INTO reservations (id, tenant_id, tokens, money, expires_at)"
    " VALUES (:id, :tenant, :tokens, :money, now() + :length)"
)
_SETTLE = text(
    "WITH gone AS (DELETE FROM reservations WHERE tenant_id = :tenant AND id = :reservation),"
    " used AS (INSERT INTO usage"
    "  (id, tenant_id, run_id, user_id, key_id, collection_id, step, model, tokens_in, tokens_out,"
    "  milliseconds, cost) VALUES (:id, :tenant, :run_id, :user_id, :key_id, :collection_id, :step,"
    "  :model, :tokens_in, :tokens_out, :milliseconds, CAST(:money AS float)))"
    " INSERT INTO spending AS s (tenant_id, day, tokens, money)"
    " VALUES (:tenant, CAST(now() AT TIME ZONE 'UTC' AS date), :tokens, :money)"
    " ON CONFLICT (tenant_id, day) DO UPDATE SET tokens = s.tokens + excluded.tokens,"
    " money = s.money + excluded.money"
)

_COLUMNS = {
    Account.USER: usage.c.user_id,
    Account.KEY: usage.c.key_id,
    Account.COLLECTION: usage.c.collection_id,
    Account.RUN: usage.c.run_id,
    Account.MODEL: usage.c.model,
    Account.STEP: usage.c.step,
}


class BudgetRepository(Scope):
    """The budgets of one tenant."""

    async def all(self) -> tuple[Budget, ...]:
        """The day's and the month's."""
        found = await self.connection.execute(_ALL, {"tenant": self.tenant_id})
        return tuple(
            Budget(
                Period(row.period),
                row.most_tokens,
                row.most_money,
                Amount(row.tokens, Decimal(row.money)),
                float(row.resets_in),
            )
            for row in found
        )

    async def spending(self, by: Account, *, days: int, limit: int) -> tuple[Spending, ...]:
        """What calls of the last days have cost, the dearest accounts first."""
        account = cast(_COLUMNS[by], Text)
        money, tokens = func.sum(usage.c.cost), func.sum(usage.c.tokens_in + usage.c.tokens_out)
        found = await self.connection.execute(
            select(
                account.label("of"),
                func.count().label("calls"),
                func.sum(usage.c.tokens_in).label("tokens_in"),
                func.sum(usage.c.tokens_out).label("tokens_out"),
                money.label("money"),
                func.sum(usage.c.milliseconds).label("milliseconds"),
            )
            .where(
                usage.c.tenant_id == self.tenant_id,
                usage.c.at > func.now() - timedelta(days=days),
            )
            .group_by(account)
            .order_by(money.desc(), tokens.desc(), account)
            .limit(limit)
        )
        return tuple(
            Spending(
                row.of,
                row.calls,
                int(row.tokens_in),
                int(row.tokens_out),
                Decimal(str(row.money)),
                float(row.milliseconds),
            )
            for row in found
        )

    async def set(self, period: Period, tokens: int | None, money: Decimal | None) -> None:
        """Change a limit; jobs that wait for a budget are tried again."""
        values = {"tenant": self.tenant_id, "period": period.value}
        await self.connection.execute(_SET, {**values, "tokens": tokens, "money": money})
        await self.connection.execute(
            update(jobs)
            .where(
                jobs.c.tenant_id == self.tenant_id,
                jobs.c.state == "queued",
                jobs.c.error_code == "budget_exceeded",
            )
            .values(run_after=func.now())
        )
        await self.connection.execute(select(func.pg_notify(JOBS_TOPIC, "")))

    async def reserve(self, most: Amount) -> UUID:
        """Hold back what a call costs at most. Raises `BudgetExceededError`."""
        await self.connection.execute(_HOLD, {"tenant": str(self.tenant_id)})
        for budget in await self.all():
            budget.check(most)
        reservation = new_id()
        values = {"tokens": most.tokens, "money": most.money, "length": RESERVED_FOR}
        await self.connection.execute(
            _RESERVE, {"id": reservation, "tenant": self.tenant_id, **values}
        )
        return reservation

    async def settle(
        self, reservation: UUID, call: ModelCall, bill: Bill, milliseconds: float
    ) -> None:
        """Put what a call did cost in place of what was held back."""
        payer = call.payer or Payer(self.tenant_id)
        await self.connection.execute(
            _SETTLE,
            {
                "id": new_id(),
                "tenant": self.tenant_id,
                "reservation": reservation,
                "run_id": payer.run_id,
                "user_id": payer.user_id,
                "key_id": payer.key_id,
                "collection_id": payer.collection_id,
                "step": call.step,
                "model": bill.model or call.model,
                "tokens_in": bill.tokens_in,
                "tokens_out": bill.tokens_out,
                "tokens": bill.tokens_in + bill.tokens_out,
                "milliseconds": milliseconds,
                "money": bill.money,
            },
        )
