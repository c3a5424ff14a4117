"""A language model looks again at the sentences that the checks have let through."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from langchain_core.messages import HumanMessage, SystemMessage

from citewell.agent.bounds.spending import spending
from citewell.agent.calls.allowed import counted, may_ask
from citewell.agent.prompts.judging import Item, denied, judging
from citewell.domain.allowances import Payer
from citewell.domain.errors import BudgetExceededError
from citewell.domain.passages import Citation, Doubt, DoubtReason
from citewell.domain.principal import Principal
from citewell.domain.run_events import Question
from citewell.domain.sentences import Span
from citewell.inference.chat.paid import PaidChat
from citewell.inference.chat.speech import Said, Used

TOKENS_EACH = 8
SPARE_TOKENS = 64


@dataclass(frozen=True, slots=True)
class SecondLook:
    """It can only doubt more: what the checks have doubted is not shown to it."""

    writer: PaidChat

    async def doubts(
        self, principal: Principal, question: Question, text: str, citations: Sequence[Citation]
    ) -> list[Doubt]:
        """The sentences of `text` with verified citations that the model finds unsupported.

        Raises what `PaidChat.speak` raises, and `BudgetExceededError` at a limit of the run.
        """
        items = _items(text, citations)
        if not items:
            return []
        prompt = judging([item for _, item in items])
        messages = [SystemMessage(prompt.system), HumanMessage(prompt.request)]
        payer = Payer.of(principal, question.run_id, question.collections)
        most = SPARE_TOKENS + TOKENS_EACH * len(items)
        amount = self.writer.model.most(messages, most_tokens=most)
        if not may_ask(amount, writes=False):
            raise BudgetExceededError(spending().said(), hint="Ask something narrower.")
        said = ""
        with counted(amount) as call:
            speech = self.writer.speak(payer, "verify", messages, most_tokens=most)
            async with aclosing(speech) as pieces:
                async for one in pieces:
                    match one:
                        case Said(text):
                            said += text
                        case Used():
                            call.note(one)
        spans = [items[n - 1][0] for n in sorted(denied(said, len(items)))]
        return [Doubt(start, end, DoubtReason.MODEL_DOUBTS) for start, end in spans]


def _items(text: str, citations: Sequence[Citation]) -> list[tuple[Span, Item]]:
    """Each sentence with a verified citation, and all that it quotes."""
    places: dict[int, list[Citation]] = {}
    for one in citations:
        if one.verified:
            places.setdefault(one.answer_start, []).append(one)
    found = []
    for start, mine in places.items():
        end = max(one.answer_end for one in mine)
        quotes = tuple(dict.fromkeys(one.quote for one in mine))
        found.append(((start, end), Item(text[start:end], quotes)))
    return found
