"""The best passages put into a new order by a reranker, within its time and the tenant's budget."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Self

from citewell.domain.allowances import Amount, ModelCall, Pay
from citewell.domain.errors import BudgetExceededError, UnavailableError, UpstreamError
from citewell.domain.ids import TenantId
from citewell.domain.passages import (
    BUDGET_EXCEEDED,
    RERANK_UNAVAILABLE,
    TIME_BUDGET,
    Passage,
)
from citewell.inference.metering import metered
from citewell.inference.reranking.reranker import Reranker
from citewell.telemetry.logs import logger

RERANKED = 30
SECONDS = 2.0
CHARACTERS_PER_TOKEN = 4
THOUSAND, MILLION = Decimal(1000), Decimal(1_000_000)

log = logger(__name__)

Ordered = tuple[list[Passage], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Price:
    """What a reranker costs: providers sell a thousand searches, or a million tokens."""

    thousand_searches: Decimal = Decimal(0)
    million_tokens: Decimal = Decimal(0)

    @classmethod
    def of(cls, thousand_searches: float, million_tokens: float) -> Self:
        """As somebody has written them: 0.1 is a tenth."""
        return cls(Decimal(str(thousand_searches)), Decimal(str(million_tokens)))

    def money(self, searches: int, tokens: int) -> Decimal:
        """What one call costs."""
        by_search = searches * self.thousand_searches / THOUSAND
        return by_search + tokens * self.million_tokens / MILLION


FREE = Price()


@dataclass(frozen=True, slots=True)
class Reranking:
    """Asks a reranker for at most `seconds`; with a price, its calls come out of budgets.

    `missing` is what `degraded` says when it could not answer.
    """

    reranker: Reranker
    seconds: float = SECONDS
    price: Price = FREE
    pay: Pay | None = field(default=None, repr=False)
    missing: str = RERANK_UNAVAILABLE

    @classmethod
    def of(cls, reranker: Reranker, pay: Pay, chosen: Mapping[str, Any]) -> Self:
        """From the settings of the section `rerank`."""
        searches, tokens = "price_per_thousand_searches", "price_per_million_tokens"
        return cls(reranker, chosen["seconds"], Price.of(chosen[searches], chosen[tokens]), pay)

    async def order(self, tenant_id: TenantId, text: str, passages: list[Passage]) -> Ordered:
        """The passages in their new order, or as they came with what was missed for it."""
        head, tail = passages[:RERANKED], passages[RERANKED:]
        if len(head) < 2:
            return passages, ()
        texts = [f"{one.context}\n{one.text}" for one in head]
        try:
            scores = await self._scores(tenant_id, text, texts)
        except (TimeoutError, BudgetExceededError, UnavailableError, UpstreamError) as error:
            missed = self._missed(error)
            log.warning(
                "search.not_reranked", model=self.reranker.name, missed=missed, why=str(error)
            )
            return passages, (missed,)
        if scores is None:
            return passages, ()
        blended = blend([one.scores.final for one in head], scores, self.reranker.share)
        floor = tail[0].scores.final if tail else 0.0
        scored = [
            replace(one, scores=replace(one.scores, late=score, final=floor + final))
            for one, score, final in zip(head, scores, blended, strict=True)
        ]
        return [*sorted(scored, key=lambda one: -one.scores.final), *tail], ()

    async def _scores(
        self, tenant_id: TenantId, text: str, texts: Sequence[str]
    ) -> list[float] | None:
        # What settles the bill is not cut off by the time that the model has.
        async with self._paid(tenant_id, text, texts), asyncio.timeout(self.seconds):
            return await self.reranker.scores(text, texts)

    @asynccontextmanager
    async def _paid(
        self, tenant_id: TenantId, text: str, texts: Sequence[str]
    ) -> AsyncIterator[None]:
        """Billed is what the provider counts; the estimate, when it answered and does not say."""
        if self.pay is None or self.price == FREE:
            yield
            return
        # The question is read again with each text.
        characters = sum(len(text) + len(one) for one in texts)
        estimate = -(-characters // CHARACTERS_PER_TOKEN)
        most = Amount(estimate, self.price.money(1, estimate))
        async with self.pay(tenant_id, ModelCall("rerank", self.reranker.name, most)) as bill:
            with metered() as meter:
                answered = False
                try:
                    yield
                    answered = True
                finally:
                    guess = (1, estimate) if answered else (0, 0)
                    searches = meter.searches or guess[0]
                    bill.tokens_in = meter.tokens or guess[1]
                    bill.money = self.price.money(searches, bill.tokens_in)

    def _missed(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return TIME_BUDGET
        return BUDGET_EXCEEDED if isinstance(error, BudgetExceededError) else self.missing


def blend(before: Sequence[float], own: Sequence[float], share: float) -> list[float]:
    """Both sides mapped to 0–1 over the reranked, `share` for the reranker's own.

    What the reranker holds for equal stays in the order that it had.
    """
    return [(1 - share) * a + share * b for a, b in zip(_spread(before), _spread(own), strict=True)]


def _spread(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    span = max(high - low, 1e-9)
    return [min(1.0, max(0.0, (value - low) / span)) for value in values]
