"""Several models as one: the next is asked where one does not answer."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

from langchain_core.messages import BaseMessage
from langchain_core.tools import BaseTool

from citewell.domain.allowances import Amount
from citewell.domain.errors import AppError, UnavailableError
from citewell.inference.chat.attempts import Attempts, Link
from citewell.inference.chat.speech import Speech, Switched
from citewell.inference.retries import Patience
from citewell.telemetry.logs import logger

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class ModelChain:
    """Keeps the promises of `ChatModel` with the first model that answers.

    A model that says nothing in time is given up for this call; one that fails otherwise is asked
    again, after a random wait and within its budget. Several failures in a row leave a model alone
    for a while. `patience` holds until somebody speaks. Raises `UnavailableError` when all are
    down, and what the only one raises when there is one.
    """

    links: tuple[Link, ...]
    patience: Patience = field(default_factory=partial(Patience, 60.0, 0.5, 4.0))

    @property
    def name(self) -> str:
        """The first model's."""
        return self.links[0].model.name

    @property
    def names(self) -> tuple[str, ...]:
        """See `ChatModel`."""
        return tuple(one.model.name for one in self.links)

    async def stream(
        self,
        messages: Sequence[BaseMessage],
        tools: Sequence[BaseTool] = (),
        *,
        most_tokens: int = 1024,
    ) -> AsyncGenerator[Speech]:
        """See `ChatModel`."""
        end = asyncio.get_running_loop().time() + self.patience.total
        problems: list[AppError] = []
        for link in self.links:
            last = link is self.links[-1]
            ask = partial(link.model.stream, messages, tools, most_tokens=most_tokens)
            attempts = Attempts(link, self.patience, end, last)
            async with aclosing(attempts.speech(ask)) as speech:
                async for piece in speech:
                    yield piece
            if attempts.problem is None:
                return
            problems.append(attempts.problem)
            # The provider's words may repeat what it was asked: they are for callers, not for logs.
            log.warning("model.given_up", model=link.model.name, why=kind_of(attempts.problem))
            if not last:
                yield Switched(link.model.name, attempts.problem.message)
        raise self._all_down(problems)

    def most(
        self,
        messages: Sequence[BaseMessage],
        tools: Sequence[BaseTool] = (),
        *,
        most_tokens: int = 1024,
    ) -> Amount:
        """See `ChatModel`; the dearest model of the chain may be the one that answers."""
        amounts = [one.model.most(messages, tools, most_tokens=most_tokens) for one in self.links]
        return Amount(max(one.tokens for one in amounts), max(one.money for one in amounts))

    async def close(self) -> None:
        """Closes every model; may be called twice."""
        for link in self.links:
            await link.model.close()

    def _all_down(self, problems: list[AppError]) -> AppError:
        if len(problems) == 1:
            return problems[0]
        return UnavailableError(
            "No language model answers: " + "; ".join(one.message for one in problems),
            hint="Try again later; whoever runs this can ask `citewell doctor`.",
            retry_after=max(1.0, min(link.breaker.seconds_left for link in self.links)),
        )


def kind_of(problem: AppError) -> str:
    """Silent, busy, unavailable or refused: what a log may tell."""
    return type(problem).__name__.removesuffix("Error").lower()
