"""One answer while it is being written by a thread, heard from the event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata

from citewell.domain.errors import AppError, UnavailableError, UpstreamError
from citewell.inference.chat.failures import CallFailedError, plain
from citewell.inference.local.lane import Lane
from citewell.inference.local.writing import Brake, StoppedError, Tell, TooLongError, Written

# It ends at the model's next operation, and on a slow machine one may take longer.
STOP_SECONDS = 1.5

Write = Callable[[Tell, Brake], Written]


class Generation:
    """What a thread of the lane writes; its pieces are bounded by the tokens that it may write."""

    __slots__ = ("_brake", "_name", "_pieces", "_work")

    def __init__(self, name: str, lane: Lane, write: Write, ended: Callable[[], object]) -> None:
        """Begins; `ended` is called in the loop once the thread is free. `name` is the model's.

        Raises what `Lane.begin` raises, and then `ended` is not called.
        """
        self._name, self._brake = name, Brake()
        self._pieces: asyncio.Queue[str | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(piece: str) -> None:
            loop.call_soon_threadsafe(self._pieces.put_nowait, piece)

        self._work = lane.begin(partial(write, tell, self._brake))

        def close(work: asyncio.Future[Written]) -> None:
            if not work.cancelled():
                # Seen, so that a failure nobody waits for any more is not reported.
                work.exception()
            self._pieces.put_nowait(None)
            ended()

        self._work.add_done_callback(close)

    async def chunks(self) -> AsyncIterator[AIMessageChunk]:
        """The text as it comes, then what it took; raises `AppError` alone."""
        while (piece := await self._pieces.get()) is not None:
            yield AIMessageChunk(content=piece)
        try:
            written = self._work.result()
        except (asyncio.CancelledError, Exception) as problem:
            raise _told(problem, self._name) from problem
        whole = written.tokens_in + written.tokens_out
        yield AIMessageChunk(
            content="",
            usage_metadata=UsageMetadata(
                input_tokens=written.tokens_in,
                output_tokens=written.tokens_out,
                total_tokens=whole,
            ),
            response_metadata={"finish_reason": "length" if written.is_cut else "stop"},
        )

    def pull(self) -> None:
        """The rest is not wanted any more."""
        self._brake.pull()

    async def stop(self) -> None:
        """As `pull`; comes back when the thread has ended, or after `STOP_SECONDS`."""
        self._brake.pull()
        await asyncio.wait({self._work}, timeout=STOP_SECONDS)


def _told(problem: BaseException, name: str) -> AppError:
    if isinstance(problem, StoppedError | asyncio.CancelledError):
        return UnavailableError(f"{name} is closed.", hint="The server is stopping.")
    if isinstance(problem, TooLongError):
        return CallFailedError(
            f"{name} cannot read that much at once: {problem}.",
            hint="Lower CITEWELL_LLM__PASSAGE_TOKENS, or use a model that reads more.",
        )
    what = plain(f"{type(problem).__name__}: {problem}")
    return UpstreamError(f"{name} failed: {what}", hint="Is there enough memory for the model?")
