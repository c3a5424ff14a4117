"""What a chat model says, piece by piece: the promise that every chat model keeps."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from langchain_core.messages import BaseMessage, ToolCall
from langchain_core.tools import BaseTool

from citewell.domain.allowances import Amount


@dataclass(frozen=True, slots=True)
class Said:
    """The next piece of the text; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Called:
    """The model wants tools run, and nothing more is said; the arguments are its word only."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class Used:
    """What the call cost; `money` is in US dollars, None when the model's price is not known.

    `finish` is the provider's word for why it stopped: `length` when the text was cut off.
    """

    model: str
    tokens_in: int
    tokens_out: int
    money: Decimal | None
    finish: str = ""


@dataclass(frozen=True, slots=True)
class Switched:
    """`model` was given up before it had said anything, and the next one is asked."""

    model: str
    why: str


Speech = Said | Called | Used | Switched


class ChatModel(Protocol):
    """Answers conversations; safe to call from many tasks, never blocks the event loop."""

    @property
    def name(self) -> str:
        """Provider and model, as `openai:gpt-4o-mini`."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Every model that may answer; `name` is the first."""
        ...

    def stream(
        self,
        messages: Sequence[BaseMessage],
        tools: Sequence[BaseTool] = (),
        *,
        most_tokens: int = 1024,
    ) -> AsyncGenerator[Speech]:
        """The answer as it comes; the last piece is `Used`.

        Closing the generator ends the request to the provider. Raises `UnavailableError` when
        nobody answers in time, `UpstreamError` when the provider refuses; a stream that breaks
        after its first `Said` is not begun again, it raises.
        """
        ...

    def most(
        self,
        messages: Sequence[BaseMessage],
        tools: Sequence[BaseTool] = (),
        *,
        most_tokens: int = 1024,
    ) -> Amount:
        """What such a call costs at most, estimated; a model without a known price costs 0."""
        ...

    async def close(self) -> None:
        """Let go of connections; may be called twice."""
        ...
