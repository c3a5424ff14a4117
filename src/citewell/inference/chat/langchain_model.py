"""A chat model of any provider that LangChain speaks to."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.tools import BaseTool

from citewell.domain.allowances import Amount
from citewell.inference.chat.failures import BusyError, told
from citewell.inference.chat.hearing import Hearing, finish_of
from citewell.inference.chat.pacing import Pace, paced
from citewell.inference.chat.prices import Price, dearest
from citewell.inference.chat.speech import Speech
from citewell.inference.egress.lent import LentTransport

# Who waits longer for a turn is better served by another model.
TURN_SECONDS = 5.0

Bound = Callable[[int], Mapping[str, Any]]


def max_tokens(most: int) -> Mapping[str, Any]:
    """As most libraries call it."""
    return {"max_tokens": most}


@dataclass(frozen=True, slots=True)
class LangChainModel:
    """Keeps the promises of `ChatModel` for one model, asked once per call.

    `_bound` makes what the library calls the bound on tokens. At most as many calls as
    `_turns` has go on at once; one that gets no turn in time raises `UnavailableError`.
    """

    name: str
    price: Price
    _model: BaseChatModel
    _transport: LentTransport
    _pace: Pace = field(default_factory=Pace)
    _turns: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, 16))
    _bound: Bound = max_tokens

    @property
    def names(self) -> tuple[str, ...]:
        """See `ChatModel`."""
        return (self.name,)

    async def stream(
        self,
        messages: Sequence[BaseMessage],
        tools: Sequence[BaseTool] = (),
        *,
        most_tokens: int = 1024,
    ) -> AsyncGenerator[Speech]:
        """See `ChatModel`."""
        hearing = Hearing(self.name, self.price, most_tokens)

        def source() -> AsyncIterator[AIMessageChunk]:
            return self._chunks(messages, tools, self._bound(most_tokens))

        async with self._turn(), aclosing(paced(source, self._pace, self.name)) as chunks:
            async for chunk in chunks:
                for piece in hearing.hear(chunk):
                    yield piece
                if hearing.enough:
                    break
        for piece in hearing.end(messages):
            yield piece

    def most(
        self,
        messages: Sequence[BaseMessage],
        tools: Sequence[BaseTool] = (),
        *,
        most_tokens: int = 1024,
    ) -> Amount:
        """See `ChatModel`."""
        return dearest(self.price, messages, tools, most_tokens=most_tokens)

    async def close(self) -> None:
        """Closes the connections; may be called twice."""
        await self._transport.aclose()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turns.acquire()
        except TimeoutError as problem:
            raise BusyError(
                f"{self.name} is asked as often at once as it may be.",
                hint="Try again in a moment.",
                retry_after=TURN_SECONDS,
            ) from problem
        try:
            yield
        finally:
            self._turns.release()

    async def _chunks(
        self, messages: Sequence[BaseMessage], tools: Sequence[BaseTool], bound: Mapping[str, Any]
    ) -> AsyncIterator[AIMessageChunk]:
        """What the library says, empty chunks left out; raises `AppError` alone."""
        try:
            model: Any = self._model.bind_tools(tools) if tools else self._model
            async for chunk in model.astream(list(messages), **bound):
                if says_something(chunk):
                    yield chunk
        except Exception as problem:
            raise told(problem, self.name) from problem


def says_something(chunk: AIMessageChunk) -> bool:
    """Whether the model has moved on: servers send empty chunks to keep a connection open."""
    return bool(
        chunk.content
        or chunk.tool_call_chunks
        or chunk.additional_kwargs
        or chunk.usage_metadata
        or finish_of(chunk)
    )
