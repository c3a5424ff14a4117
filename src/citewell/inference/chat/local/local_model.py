"""A chat model of this machine, by Hugging Face transformers."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from langchain_core.messages import BaseMessage
from langchain_core.tools import BaseTool

from citewell.domain.allowances import Amount
from citewell.domain.errors import UnavailableError
from citewell.inference.chat.failures import BusyError, CallFailedError
from citewell.inference.chat.hearing import Hearing
from citewell.inference.chat.local.generation import Generation
from citewell.inference.chat.local.turns import turns_of
from citewell.inference.chat.pacing import Pace, paced
from citewell.inference.chat.prices import Price, dearest
from citewell.inference.chat.speech import Speech
from citewell.inference.local import libraries, writing
from citewell.inference.local.lane import Lane
from citewell.inference.local.writing import Brake, Writer, Written

# Who waits behind more would hear nothing in time.
MOST_WAITING = 8


@dataclass(slots=True)
class _Line:
    """Who writes, and how many wait for it."""

    turn: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, 1))
    waiting: int = 0
    writing: Generation | None = None


@dataclass(frozen=True, slots=True)
class LocalModel:
    """Keeps the promises of `ChatModel`: one answer at a time, the next ones wait in line.

    Half of the silence that `_pace` allows before the first word may be spent in line; who waits
    longer, or behind too many, gets `BusyError`. It uses no tools: asked with some it raises
    `CallFailedError`, so that another model is asked.
    """

    name: str
    price: Price
    _writer: Writer
    _lane: Lane
    _pace: Pace = field(default_factory=Pace)
    _line: _Line = field(default_factory=_Line)

    @classmethod
    async def open(cls, named: str, pace: Pace, price: Price, temperature: float | None) -> Self:
        """The model of a folder, or of a name in the local cache; raises `StartError`."""
        folder = await asyncio.to_thread(libraries.found, named, writing.SETTING)
        writer = await asyncio.to_thread(Writer.load, folder, temperature)
        name = f"huggingface:{folder.name}"
        return cls(name, price, writer, Lane(name), pace)

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
        """See `ChatModel`; closing it ends the generation."""
        if tools:
            raise CallFailedError(
                f"{self.name} uses no tools.", hint="Name a model of a server as a fallback."
            )
        hearing = Hearing(self.name, self.price, most_tokens)
        generation = await self._begun(messages, most_tokens)
        try:
            async with aclosing(paced(generation.chunks, self._pace, self.name)) as chunks:
                async for chunk in chunks:
                    for piece in hearing.hear(chunk):
                        yield piece
        finally:
            await generation.stop()
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
        """Ends what is being written; may be called twice."""
        if self._line.writing is not None:
            self._line.writing.pull()
        await self._lane.close()

    async def _begun(self, messages: Sequence[BaseMessage], most_tokens: int) -> Generation:
        turns = turns_of(messages, has_system=self._writer.has_system)

        def write(tell: writing.Tell, brake: Brake) -> Written:
            return self._writer.write(turns, most_tokens, tell, brake)

        await self._wait_in_line()
        # The turn is given back when the thread has really ended, which may be later than the
        # reader has left.
        try:
            begun = Generation(self.name, self._lane, write, self._line.turn.release)
        except UnavailableError:
            self._line.turn.release()
            raise
        self._line.writing = begun
        return begun

    async def _wait_in_line(self) -> None:
        line = self._line
        if line.turn.locked() and line.waiting >= MOST_WAITING:
            raise self._busy()
        line.waiting += 1
        try:
            async with asyncio.timeout(self._pace.first / 2):
                await line.turn.acquire()
        except TimeoutError as problem:
            raise self._busy() from problem
        finally:
            line.waiting -= 1

    def _busy(self) -> BusyError:
        return BusyError(
            f"{self.name} writes one answer at a time, and others were asked for before.",
            hint="Try again in a moment.",
            retry_after=self._pace.first / 2,
        )
