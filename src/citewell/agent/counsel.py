"""Asking the language model for a decision: short, within the limits of the run, in JSON."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from langchain_core.messages import HumanMessage, SystemMessage

from citewell.agent.bounds.spending import spending
from citewell.agent.calls.allowed import counted, may_ask
from citewell.agent.planning.unusable import NoCounselError
from citewell.agent.prompts.deciding import Request
from citewell.agent.state import State
from citewell.domain.allowances import Payer
from citewell.domain.errors import BudgetExceededError, UnavailableError, UpstreamError
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


def _object(text: str) -> str:
    """From the first brace to the last: models put fences and sentences around."""
    start, end = text.find("{"), text.rfind("}")
    if not 0 <= start < end:
        raise NoCounselError("invalid", "it said no JSON object")
    return text[start : end + 1]
