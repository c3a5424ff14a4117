"""What the tenant stores and spends."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from citewell.accounts.budgets import Budgets
from citewell.api.deps import AppDep, Caller
from citewell.api.guard import ADMINISTERS, GuardedRoute, allow
from citewell.api.schemas.usage import (
    BudgetChange,
    BudgetList,
    BudgetShown,
    QuotaShown,
    SpendingList,
    SpendingShown,
    UsageShown,
)
from citewell.domain.allowances import Account, Period

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1", tags=["usage"])


async def _budgets(app: AppDep) -> Budgets:
    return Budgets(app.database)


BudgetsDep = Annotated[Budgets, Depends(_budgets)]


@router.get("/usage", summary="Show what is stored and spent")
@allow(ADMINISTERS)
async def get_usage(caller: Caller, budgets: BudgetsDep) -> UsageShown:
    """With the quotas, which whoever runs the installation sets."""
    quotas, found = await budgets.usage(caller)
    return UsageShown(
        quotas=[QuotaShown.model_validate(one) for one in quotas],
        budgets=[BudgetShown.of(one) for one in found],
    )


@router.get("/usage/models", summary="Show what models have cost, and on whose account")
@allow(ADMINISTERS)
async def get_spending(
    caller: Caller,
    budgets: BudgetsDep,
    by: Account = Account.USER,
    days: Annotated[int, Query(ge=1, le=3660)] = 30,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> SpendingList:
    """Added up by user, key, collection, run, model or step.

    A question of several collections is on the account of none of them.
    """
    found = await budgets.spending(caller, by, days=days, limit=limit)
    return SpendingList(items=[SpendingShown.listed(one) for one in found])


@router.get("/budgets", summary="Show the budgets")
@allow(ADMINISTERS)
async def get_budgets(caller: Caller, budgets: BudgetsDep) -> BudgetList:
    """What models may cost in a day and a month."""
    _, found = await budgets.usage(caller)
    return BudgetList(items=[BudgetShown.of(one) for one in found])


@router.put("/budgets", summary="Change the budgets")
@allow(ADMINISTERS)
async def set_budgets(body: BudgetChange, caller: Caller, budgets: BudgetsDep) -> BudgetList:
    """Work that waits for a budget is tried again at once."""
    named = {Period.DAY: body.day, Period.MONTH: body.month}
    limits = {period: one.limits() for period, one in named.items() if one is not None}
    changed = await budgets.set(caller, limits)
    return BudgetList(items=[BudgetShown.of(one) for one in changed])
