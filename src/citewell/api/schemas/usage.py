"""What a tenant stores and spends, as clients see it."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from citewell.api.schemas.fields import WHOLE, Body, Shown
from citewell.domain.allowances import Budget, Period, Resource, Spending

Tokens = Annotated[int | None, Field(ge=0, le=10**15), WHOLE]
Money = Annotated[float | None, Field(strict=True, ge=0, le=10**9)]


class QuotaShown(Shown):
    """How much of a resource is stored; `limit` and `left` are null where there is none."""

    resource: Resource
    used: int
    limit: int | None
    left: int | None


class BudgetShown(Shown):
    """What models have cost in this day or month of UTC; null is no limit.

    What calls that go on now may cost at most counts as spent.
    """

    period: Period
    tokens: int | None
    money: float | None
    tokens_spent: int
    money_spent: float
    resets_in_seconds: float

    @classmethod
    def of(cls, budget: Budget) -> "BudgetShown":
        """From the domain's budget."""
        return cls(
            period=budget.period,
            tokens=budget.tokens,
            money=None if budget.money is None else float(budget.money),
            tokens_spent=budget.spent.tokens,
            money_spent=float(budget.spent.money),
            resets_in_seconds=budget.resets_in,
        )


class BudgetList(Shown):
    """The day's budget and the month's."""

    items: list[BudgetShown]


class UsageShown(Shown):
    """What is stored and spent, with the limits."""

    quotas: list[QuotaShown]
    budgets: list[BudgetShown]


class SpendingShown(Shown):
    """What calls of models have cost on one account; `of` is null where it is not known.

    `of` is an id, or the name of a model or a step.
    """

    of: str | None
    calls: int
    tokens_in: int
    tokens_out: int
    money: float
    milliseconds: float

    @classmethod
    def listed(cls, one: Spending) -> "SpendingShown":
        """From the domain's."""
        return cls(
            of=one.of,
            calls=one.calls,
            tokens_in=one.tokens_in,
            tokens_out=one.tokens_out,
            money=float(one.money),
            milliseconds=round(one.milliseconds, 1),
        )


class SpendingList(Shown):
    """The dearest accounts first."""

    items: list[SpendingShown]


class BudgetLimits(Body):
    """The new limits of a period; a field that is null or left out is no limit."""

    tokens: Tokens = None
    money: Money = None

    def limits(self) -> tuple[int | None, Decimal | None]:
        """As the accounts take them."""
        return self.tokens, None if self.money is None else Decimal(str(self.money))


class BudgetChange(Body):
    """The periods to change; one that is left out or null stays as it is."""

    day: BudgetLimits | None = None
    month: BudgetLimits | None = None
