"""Asking the language model for a decision: short, within the limits of the run, in JSON."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from langchain_core.messages import HumanMessage, SystemMessage

from citewell.agent.bounds.counting import counted
from citewell.agent.bounds.spending import spending
from citewell.agent.planning.unusable import NoCounselError
from citewell.agent.prompts.deciding import Request
from citewell.agent.state import State
from citewell.agent.telling import tell
from citewell.domain.allowances import Amount, Payer
from citewell.domain.errors import BudgetExceededError, UnavailableError, UpstreamError
from citewell.domain.run_events import Noticed
from citewell.inference.chat.paid import PaidChat
from citewell.inference.chat.speech import Said, Used

MOST_TOKENS = 500
SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Counsel:
    """What the nodes ask; `seconds` is how long the agent waits for a decision."""

    model: PaidChat
    seconds: float = SECONDS

    async def decide(self, state: State, step: str, request: Request) -> str:
        """The JSON object that the model says; raises `NoCounselError` when there is none.

        A limit that stops it is told to the reader, once in a run.
        """
        messages = [SystemMessage(request.system), HumanMessage(request.request)]
        most = self.model.model.most(messages, most_tokens=MOST_TOKENS)
        if not may_ask(most):
            raise NoCounselError("limit", spending().said())
        payer = Payer.of(
            state["principal"], state["question"].run_id, state["question"].collections
        )
        text = ""
        try:
            with counted(most) as call:
                async with asyncio.timeout(self.seconds):
                    speech = self.model.speak(payer, step, messages, most_tokens=MOST_TOKENS)
                    async with aclosing(speech) as pieces:
                        async for piece in pieces:
                            match piece:
                                case Said(said):
                                    text += said
                                case Used():
                                    call.note(piece)
        except BudgetExceededError as error:
            raise NoCounselError("budget", error.message) from error
        except (UnavailableError, UpstreamError) as error:
            raise NoCounselError("unavailable", error.message) from error
        except TimeoutError as error:
            raise NoCounselError("late") from error
        return _object(text)


def may_look() -> bool:
    """Whether the run may look once more; tells the reader when it may not."""
    allowed = spending().may_look()
    if not allowed:
        tell_limit()
    return allowed


def may_ask(most: Amount, *, writes: bool = True) -> bool:
    """Whether the run may ask its model for what costs at most this; tells when it may not.

    `writes` says that the answer is still to be written, for which something is kept.
    """
    allowed = spending().may_ask(most, writes=writes)
    if not allowed:
        tell_limit()
    return allowed


def tell_limit() -> None:
    """Tell the reader which limit was reached; the first time only."""
    spent = spending()
    if spent.reached and not spent.is_told:
        spent.is_told = True
        tell(Noticed("budget", spent.said()))


def _object(text: str) -> str:
    """From the first brace to the last: models put fences and sentences around."""
    start, end = text.find("{"), text.rfind("}")
    if not 0 <= start < end:
        raise NoCounselError("invalid", "it said no JSON object")
    return text[start : end + 1]
