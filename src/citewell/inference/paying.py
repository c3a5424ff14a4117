"""Embedding by a model that somebody pays for: every call comes out of a tenant's budgets."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from citewell.domain.allowances import Amount, ModelCall, Pay
from citewell.domain.ids import TenantId
from citewell.inference.embedding import (
    Embedder,
    EmbeddingModel,
    PassageText,
    Span,
    TokenStates,
    Vector,
)
from citewell.inference.metering import metered

MILLION = Decimal(1_000_000)
# What the usage of a tenant calls its calls: of documents, and of questions about them.
PASSAGES, QUESTIONS = "embed", "embed_question"

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class PaidModel:
    """A model that embeds nothing unless a tenant is named; `price` is of a million tokens."""

    embedder: Embedder
    pay: Pay
    price: Decimal

    @property
    def model(self) -> EmbeddingModel:
        """The model behind the vectors."""
        return self.embedder.model

    def count_tokens(self, text: str) -> int:
        """As the embedder does; it costs nothing."""
        return self.embedder.count_tokens(text)


@dataclass(frozen=True, slots=True)
class PaidEmbedder:
    """Keeps the promises of `Embedder`, for one tenant.

    Raises `BudgetExceededError` before anything is sent. Billed is what the provider counts; the
    estimate, when it does not say.
    """

    paid: PaidModel
    tenant_id: TenantId
    step: str

    @property
    def model(self) -> EmbeddingModel:
        """The model behind the vectors."""
        return self.paid.model

    async def embed_passages(self, passages: Sequence[PassageText]) -> list[NDArray[np.float32]]:
        """See `Embedder`."""
        texts = [one.context + one.text for one in passages]
        return await self._billed(texts, lambda: self.paid.embedder.embed_passages(passages))

    async def embed_query(self, text: str) -> Vector:
        """See `Embedder`."""
        return await self._billed([text], lambda: self.paid.embedder.embed_query(text))

    async def embed_clauses(self, question: str, clauses: Sequence[Span]) -> NDArray[np.float32]:
        """See `Embedder`."""
        texts = [question, *(question[start:end] for start, end in clauses)]
        return await self._billed(
            texts, lambda: self.paid.embedder.embed_clauses(question, clauses)
        )

    async def token_states(self, texts: Sequence[str]) -> list[TokenStates] | None:
        """See `Embedder`; nobody bills for what no provider shows."""
        return await self.paid.embedder.token_states(texts)

    def count_tokens(self, text: str) -> int:
        """See `Embedder`."""
        return self.paid.count_tokens(text)

    async def close(self) -> None:
        """Nothing: whoever opened the model closes it."""

    async def _billed(self, texts: Sequence[str], embed: Callable[[], Awaitable[Made]]) -> Made:
        price = self.paid.price
        estimate = sum(self.count_tokens(text) for text in texts)
        most = Amount(estimate, estimate * price / MILLION)
        call = ModelCall(self.step, self.model.name, most)
        async with self.paid.pay(self.tenant_id, call) as bill:
            with metered() as meter:
                try:
                    made = await embed()
                    bill.tokens_in = meter.tokens or estimate
                finally:
                    # A call that failed halfway has cost what was answered until then.
                    bill.tokens_in = bill.tokens_in or meter.tokens
                    bill.money = bill.tokens_in * price / MILLION
        return made


AnyEmbedder = Embedder | PaidModel


def paid_by(tenant_id: TenantId, embedder: AnyEmbedder, step: str) -> Embedder:
    """The embedder for what is done for a tenant, who pays for it if anybody does."""
    if isinstance(embedder, PaidModel):
        return PaidEmbedder(embedder, tenant_id, step)
    return embedder
