"""What a tenant may store and spend, and how much of it is used."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Self

from citewell.domain.errors import BudgetExceededError, QuotaExceededError
from citewell.domain.ids import CollectionId, KeyId, RunId, TenantId, UserId
from citewell.domain.principal import Principal


class Resource(StrEnum):
    """What a quota counts."""

    DOCUMENTS = "documents"
    BYTES = "bytes"
    PAGES = "pages"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of a resource is used, and the limit; None is no limit."""

    resource: Resource
    used: int
    limit: int | None

    @property
    def left(self) -> int | None:
        """How much more fits; None without a limit. A limit may be set below what is used."""
        return None if self.limit is None else max(0, self.limit - self.used)

    def refusal(self, more: int) -> QuotaExceededError:
        """What somebody is told whose `more` does not fit."""
        return QuotaExceededError(
            f"The quota of {self.resource} is used up: {self.used:,} of {self.limit or 0:,} are"
            f" stored, {self.left or 0:,} are left, and this needs {more:,} or more.",
            hint="Delete something, or ask whoever runs this installation for a larger quota.",
        )


class Period(StrEnum):
    """How long a budget lasts; days and months of UTC."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Amount:
    """What calls of models cost: tokens, and money in the installation's currency."""

    tokens: int = 0
    money: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a tenant may spend in a period, None without a limit, and what it has spent in this one.

    `spent` includes what is reserved for calls that go on now. `resets_in` is in seconds.
    """

    period: Period
    tokens: int | None
    money: Decimal | None
    spent: Amount
    resets_in: float

    def check(self, more: Amount) -> None:
        """Pass when `more` fits, or raise `BudgetExceededError`."""
        wanted = (
            ("tokens", self.tokens, self.spent.tokens, more.tokens),
            ("money", self.money, self.spent.money, more.money),
        )
        for what, most, spent, extra in wanted:
            if most is not None and spent + extra > most:
                raise BudgetExceededError(
                    f"The tenant's budget of {what} for this {self.period} is used up: {spent:,} of"
                    f" {most:,} are spent or reserved, and this needs {extra:,}.",
                    hint="Wait for the next one, or have an administrator raise it.",
                    retry_after=self.resets_in,
                )


@dataclass(frozen=True, slots=True)
class Payer:
    """On whose account a call of a model goes; the tenant pays, the rest says for what.

    `collection_id` is None as well when several collections are concerned.
    """

    tenant_id: TenantId
    user_id: UserId | None = None
    key_id: KeyId | None = None
    run_id: RunId | None = None
    collection_id: CollectionId | None = None

    @classmethod
    def of(
        cls,
        principal: Principal,
        run_id: RunId | None = None,
        collections: Sequence[CollectionId] = (),
    ) -> Self:
        """Who asks, in which run, of what."""
        alone = collections[0] if len(collections) == 1 else None
        return cls(principal.tenant_id, principal.user_id, principal.key_id, run_id, alone)


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call before it is made: which step asks which model, what it costs at most, and for whom.

    Without a `payer` the tenant is all that is known.
    """

    step: str
    model: str
    most: Amount
    payer: Payer | None = None


class Account(StrEnum):
    """By what the calls of models are added up."""

    USER = "user"
    KEY = "key"
    COLLECTION = "collection"
    RUN = "run"
    MODEL = "model"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Spending:
    """What the calls of models on one account have cost; `of` is None where it is not known.

    An account is an id, or the name of a model or a step.
    """

    of: str | None
    calls: int
    tokens_in: int
    tokens_out: int
    money: Decimal
    milliseconds: float


@dataclass(slots=True)
class Bill:
    """What a call did cost; whoever makes the call writes it down before it ends.

    `model` is the one that answered, when it is another than was asked.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    money: Decimal = Decimal(0)
    model: str = ""


# Pays for a call of a model out of a tenant's budgets: reserves what it costs at most, and settles
# at the end by the bill, also of a call that failed. Raises `BudgetExceededError` before the call
# when it does not fit.
Pay = Callable[[TenantId, ModelCall], AbstractAsyncContextManager[Bill]]
