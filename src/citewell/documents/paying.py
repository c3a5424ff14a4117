"""Embedding by a model that somebody pays for."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from citewell.domain.allowances import Amount, ModelCall, Pay
from citewell.domain.ids import TenantId
from citewell.inference.embedding import Embedder, PassageText
from citewell.inference.metering import metered

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class PaidModel:
    """An embedder whose calls come out of a tenant's budgets; `price` is of a million tokens."""

    embedder: Embedder
    pay: Pay
    price: Decimal

    async def embed_passages(
        self, tenant_id: TenantId, passages: Sequence[PassageText]
    ) -> list[NDArray[np.float32]]:
        """As the embedder does; raises `BudgetExceededError` before anything is sent.

        Billed is what the provider counts; the estimate, when it does not say.
        """
        estimate = sum(self.embedder.count_tokens(one.context + one.text) for one in passages)
        most = Amount(estimate, estimate * self.price / MILLION)
        call = ModelCall("embed", self.embedder.model.name, most)
        async with self.pay(tenant_id, call) as bill:
            with metered() as meter:
                try:
                    made = await self.embedder.embed_passages(passages)
                    bill.tokens_in = meter.tokens or estimate
                finally:
                    # A call that failed halfway has cost what was answered until then.
                    bill.tokens_in = bill.tokens_in or meter.tokens
                    bill.money = bill.tokens_in * self.price / MILLION
        return made
