"""Budgets: what a tenant may spend on models, and what pays for their calls."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

from citewell.domain.allowances import Account, Bill, Budget, ModelCall, Period, Quota, Spending
from citewell.domain.ids import TenantId
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.database import Database

Limits = tuple[int | None, Decimal | None]


@dataclass(frozen=True, slots=True)
class Budgets:
    """What a caller asks for raises `DeniedError`; `paying` is the product's own `Pay`."""

    database: Database

    async def usage(self, principal: Principal) -> tuple[Sequence[Quota], Sequence[Budget]]:
        """What the tenant stores and spends, with its limits."""
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.database.transaction(principal) as tx:
            return await tx.quotas.all(), await tx.budgets.all()

    async def spending(
        self, principal: Principal, by: Account, *, days: int, limit: int
    ) -> Sequence[Spending]:
        """What calls of models have cost in the last days, the dearest accounts first."""
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.database.transaction(principal) as tx:
            return await tx.budgets.spending(by, days=days, limit=limit)

    async def set(self, principal: Principal, limits: Mapping[Period, Limits]) -> Sequence[Budget]:
        """Change the limits of the periods named; what was spent stays spent."""
        principal.require(Scope.ADMIN, Role.ADMIN)
        async with self.database.transaction(principal) as tx:
            for period, (tokens, money) in limits.items():
                await tx.budgets.set(period, tokens, money)
            told = {period.value: [_plain(one) for one in both] for period, both in limits.items()}
            target = str(principal.tenant_id)
            await tx.audit.record(principal.user_id, "budget.set", target, details=told)
            return await tx.budgets.all()

    @asynccontextmanager
    async def paying(self, tenant_id: TenantId, call: ModelCall) -> AsyncIterator[Bill]:
        """Reserve, and settle by the bill. Raises `BudgetExceededError` before the call."""
        async with self.database.transaction(tenant_id) as tx:
            reservation = await tx.budgets.reserve(call.most)
        bill, began = Bill(), time.perf_counter()
        try:
            yield bill
        finally:
            milliseconds = (time.perf_counter() - began) * 1000
            async with self.database.transaction(tenant_id) as tx:
                await tx.budgets.settle(reservation, call, bill, milliseconds)


def _plain(value: int | Decimal | None) -> int | str | None:
    return str(value) if isinstance(value, Decimal) else value
