"""A language model whose prompts are told to whoever follows the run: for debugging, when asked."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from langchain_core.messages import BaseMessage, convert_to_openai_messages
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from citewell.agent.telling import current_step, tell
from citewell.domain.allowances import Payer
from citewell.domain.run_events import PromptSent
from citewell.inference.chat.paid import PaidChat
from citewell.inference.chat.speech import Speech


@dataclass(frozen=True, slots=True)
class ShownChat(PaidChat):
    """As `PaidChat`; what is sent becomes an event of the run, and shares its fate.

    It is kept, sealed, exported and erased with the run, and shown to nobody but whose run it is.
    """

    async def speak(
        self,
        payer: Payer,
        step: str,
        messages: Sequence[BaseMessage],
        tools: Sequence[BaseTool] = (),
        *,
        most_tokens: int = 1024,
    ) -> AsyncGenerator[Speech]:
        """See `PaidChat.speak`."""
        said = convert_to_openai_messages(list(messages))
        offered = tuple(convert_to_openai_tool(one) for one in tools)
        told = said if isinstance(said, list) else [said]
        tell(PromptSent(current_step(), self.names[0], tuple(told), offered))
        # A dataclass with slots is made anew, so that `super` without arguments does not find it.
        speech = PaidChat.speak(self, payer, step, messages, tools, most_tokens=most_tokens)
        async with aclosing(speech) as pieces:
            async for piece in pieces:
                yield piece
