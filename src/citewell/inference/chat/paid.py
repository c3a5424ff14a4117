"""A chat model whose calls are paid out of a tenant's budgets."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal

from langchain_core.messages import BaseMessage
from langchain_core.tools import BaseTool

from citewell.domain.allowances import Amount, Bill, ModelCall, Pay, Payer
from citewell.inference.chat.speech import Called, ChatModel, Said, Speech, Switched, Used

CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class PaidChat:
    """What the agent asks; every call is reserved before and settled after it."""

    model: ChatModel
    pay: Pay

    @property
    def names(self) -> Sequence[str]:
        """The models that may answer, first the one that is asked first."""
        return self.model.names

    async def speak(
        self,
        payer: Payer,
        step: str,
        messages: Sequence[BaseMessage],
        tools: Sequence[BaseTool] = (),
        *,
        most_tokens: int = 1024,
    ) -> AsyncGenerator[Speech]:
        """As `ChatModel.stream`; `step` is written beside what it cost.

        Raises `BudgetExceededError` before anything is sent. Close the generator (`aclosing`): an
        answer that nobody hears to its end is paid as far as it was said.
        """
        most = self.model.most(messages, tools, most_tokens=most_tokens)
        call = ModelCall(step, self.model.name, most, payer)
        async with self.pay(payer.tenant_id, call) as bill:
            stream = self.model.stream(messages, tools, most_tokens=most_tokens)
            counting = _Counting(bill, most, most_tokens)
            async with aclosing(stream) as speech:
                async for piece in speech:
                    counting.note(piece)
                    yield piece


@dataclass(slots=True)
class _Counting:
    """Keeps the bill true while a call goes on: it may end at any piece."""

    bill: Bill
    most: Amount
    most_tokens: int
    characters: int = 0

    def note(self, piece: Speech) -> None:
        match piece:
            case Said(text):
                self._guess(len(text))
            case Called(calls):
                self._guess(sum(len(str(one["args"])) for one in calls))
            case Used(model, tokens_in, tokens_out, money):
                self.bill.model = model
                self.bill.tokens_in, self.bill.tokens_out = tokens_in, tokens_out
                self.bill.money = money or Decimal(0)
            case Switched():
                pass

    def _guess(self, characters: int) -> None:
        """What the provider counts until its own count comes; money in the same part."""
        self.characters += characters
        self.bill.tokens_in = max(0, self.most.tokens - self.most_tokens)
        self.bill.tokens_out = -(-self.characters // CHARACTERS_PER_TOKEN)
        spent = self.bill.tokens_in + self.bill.tokens_out
        self.bill.money = self.most.money * min(spent, self.most.tokens) / max(1, self.most.tokens)
