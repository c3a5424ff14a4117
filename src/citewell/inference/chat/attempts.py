"""One model asked, and asked again where that may help."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from citewell.domain.errors import AppError, UnavailableError, UpstreamError
from citewell.inference.chat.breaker import Breaker
from citewell.inference.chat.failures import BusyError, CallFailedError, SilentError
from citewell.inference.chat.retry_budget import RetryBudget
from citewell.inference.chat.speech import ChatModel, Speech
from citewell.inference.retries import Patience

# With another model at hand nobody waits longer for this one.
LONGEST_WAIT = 2.0


@dataclass(frozen=True, slots=True)
class Link:
    """One model of a chain, and how it has fared."""

    model: ChatModel
    breaker: Breaker = field(default_factory=Breaker)
    budget: RetryBudget = field(default_factory=RetryBudget)


@dataclass(slots=True)
class Attempts:
    """Asks one model; `problem` says why it was given up, if it was.

    `end` is when a first piece must have come, in seconds of the event loop's clock; `last` says
    that there is no other model.
    """

    link: Link
    patience: Patience
    end: float
    last: bool
    problem: AppError | None = None

    async def speech(self, ask: Callable[[], AsyncGenerator[Speech]]) -> AsyncGenerator[Speech]:
        """What the model says; nothing when it is given up. Raises what breaks it afterwards."""
        self.link.budget.asked()
        number = 0
        while self._admitted():
            async with aclosing(ask()) as speech:
                first = await self._first(speech)
                if first is not None:
                    async with aclosing(self._rest(first, speech)) as pieces:
                        async for piece in pieces:
                            yield piece
                    return
            wait = self._wait(number)
            if wait is None:
                return
            await asyncio.sleep(wait)
            number += 1

    def _admitted(self) -> bool:
        if self.link.breaker.admits():
            return True
        self.problem = self.problem or UnavailableError(
            f"{self.link.model.name} has failed several times and is left alone for a while.",
            hint="Try again in a minute.",
            retry_after=max(1.0, self.link.breaker.seconds_left),
        )
        return False

    async def _first(self, speech: AsyncGenerator[Speech]) -> Speech | None:
        """The first piece, or None and the problem noted."""
        heard = False
        try:
            async with asyncio.timeout_at(self.end):
                piece = await anext(speech)
        except TimeoutError:
            self.problem = SilentError(
                f"{self.link.model.name} did not speak in time.", hint="Try again later."
            )
        except (UnavailableError, UpstreamError) as problem:
            self.problem = problem
        else:
            heard, self.problem = True, None
            return piece
        finally:
            if not heard:
                self._note(self.problem)
        return None

    async def _rest(self, first: Speech, speech: AsyncGenerator[Speech]) -> AsyncGenerator[Speech]:
        try:
            yield first
            async for piece in speech:
                yield piece
        except (UnavailableError, UpstreamError) as problem:
            self._note(problem)
            raise
        except BaseException:
            # It was speaking, and nobody listens any more.
            self.link.breaker.succeeded()
            raise
        self.link.breaker.succeeded()

    def _note(self, problem: AppError | None) -> None:
        if isinstance(problem, CallFailedError | BusyError) or problem is None:
            self.link.breaker.left()
        else:
            self.link.breaker.failed(getattr(problem, "retry_after", 0.0))

    def _wait(self, number: int) -> float | None:
        """Seconds until the next attempt; None when there is none."""
        problem = self.problem
        if not isinstance(problem, UnavailableError) or isinstance(
            problem, SilentError | BusyError
        ):
            return None
        wait = self.patience.wait(number, problem.retry_after)
        left = self.end - asyncio.get_running_loop().time()
        most = left if self.last else min(left, LONGEST_WAIT)
        return wait if wait < most and self.link.budget.take() else None
