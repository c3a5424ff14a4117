"""The embedder that comes with Citewell: all-MiniLM-L6-v2 in int8 on the CPU."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import chain
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from citewell.domain.errors import UnavailableError
from citewell.inference.embedding import EmbeddingModel, PassageText, Span, TokenStates, Vector
from citewell.inference.model_runtime import ModelRuntime, open_runtime
from citewell.inference.pooling import Sums, pool_rows, sum_pools, unit
from citewell.inference.processors import cores
from citewell.inference.wordpieces import Pass, plan_passes, stretches

SLICE_TEXTS = 128
PORTION_TOKENS = 512
BULK_NICENESS = 10

Floats = NDArray[np.float32]
T = TypeVar("T")


class BuiltinEmbedder:
    """Keeps the promises of `Embedder` without any other service.

    Three lanes of threads share one copy of the weights: questions never wait for texts, and
    texts to rerank never wait for texts to store. Long texts are read in several passes; nothing
    is dropped. A question that is alone has two threads, and a copy of the weights that the first
    one loads. After `close` every call raises `UnavailableError`.
    """

    __slots__ = ("_alone", "_asking", "_bulk", "_closed", "_prompt", "_query", "_runtime")

    def __init__(self, threads: int = 0) -> None:
        """`threads` work on passages, 0 means one per core; raises `StartError` if damaged."""
        self._runtime = open_runtime()
        count = threads or cores()
        self._query = ThreadPoolExecutor(min(2, count), "embed-query")
        self._prompt = ThreadPoolExecutor(count, "embed-prompt")
        self._bulk = ThreadPoolExecutor(count, "embed-bulk", _step_back)
        self._alone = cache(self._runtime.on_two_threads if cores() > 1 else self._shared)
        self._asking = 0
        self._closed = False

    @property
    def model(self) -> EmbeddingModel:
        """The bundled model; its revision is the sha256 of the weights."""
        return self._runtime.model

    @property
    def tokenizer_json(self) -> str:
        """The tokenizer's definition, for code that cuts texts by the same tokens."""
        return self._runtime.tokenizer_json

    async def embed_passages(self, passages: Sequence[PassageText]) -> list[Floats]:
        """See `Embedder`; of however many passages, at most two slices are worked on at a time."""
        made: list[Floats] = []
        ahead: list[asyncio.Future[list[Sums]]] = []
        parts = [passages[i : i + SLICE_TEXTS] for i in range(0, len(passages), SLICE_TEXTS)]
        try:
            for number, part in enumerate(parts):
                portions = await self._result(
                    self._on(self._prompt, partial(_plan, self._runtime, part))
                )
                # The next slice is handed in before this one is waited for: no thread runs dry.
                ahead.append(self._submit(portions))
                if len(ahead) > 1:
                    made += await self._collect(ahead[0], parts[number - 1])
                    del ahead[0]
            if ahead:
                made += await self._collect(ahead[0], parts[-1])
        finally:
            for future in ahead:
                _drop(future)
        return made

    async def embed_query(self, text: str) -> Vector:
        """See `Embedder`; waits only for other questions."""
        vector: Vector = (await self.embed_clauses(text, ()))[0]
        return vector

    async def embed_clauses(self, question: str, clauses: Sequence[Span]) -> Floats:
        """See `Embedder`; clauses are pooled as the windows of a passage are."""
        asked = PassageText(question, windows=tuple(clauses))
        self._asking += 1
        try:
            runtime = self._alone if self._asking == 1 else self._shared
            return await self._result(self._on(self._query, partial(_embed_one, runtime, asked)))
        finally:
            self._asking -= 1

    async def token_states(self, texts: Sequence[str]) -> list[TokenStates]:
        """See `Embedder`; texts beyond the model's limit are read in several passes."""
        read = [
            self._on(self._prompt, partial(_token_states, self._runtime, text)) for text in texts
        ]
        return await self._result(asyncio.gather(*read))

    def count_tokens(self, text: str) -> int:
        """See `Embedder`."""
        return len(self._runtime.pieces.encode(text).ids)

    async def close(self) -> None:
        """Waits for the work that runs, drops what waits; may be called twice."""
        self._closed = True
        for lane in (self._query, self._prompt, self._bulk):
            await asyncio.to_thread(lane.shutdown, wait=True, cancel_futures=True)

    def _shared(self) -> ModelRuntime:
        return self._runtime

    def _on(self, lane: ThreadPoolExecutor, work: Callable[[], T]) -> asyncio.Future[T]:
        if self._closed:
            raise _closed()
        return asyncio.get_running_loop().run_in_executor(lane, work)

    async def _result(self, work: asyncio.Future[T]) -> T:
        """What the work gives; work that `close` dropped looks cancelled, but its caller is not."""
        try:
            return await work
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed and not (task and task.cancelling()):
                raise _closed() from None
            raise

    def _submit(self, portions: Iterable[Sequence[Pass]]) -> asyncio.Future[list[Sums]]:
        return asyncio.gather(
            *(self._on(self._bulk, partial(_read, self._runtime, portion)) for portion in portions)
        )

    async def _collect(
        self, sums: asyncio.Future[list[Sums]], passages: Sequence[PassageText]
    ) -> list[Floats]:
        sizes = [1 + len(passage.windows) for passage in passages]
        found = await self._result(sums)
        return await self._result(
            self._on(self._prompt, partial(pool_rows, chain.from_iterable(found), sizes))
        )


def _drop(work: asyncio.Future[T]) -> None:
    """Nobody waits for this any more; its failure is its caller's too and needs no report."""
    work.cancel()
    work.add_done_callback(lambda done: done.cancelled() or done.exception())


def _step_back() -> None:
    """Lets the system prefer questions and the server itself to the bulk thread that calls this."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BULK_NICENESS)


def _closed() -> UnavailableError:
    return UnavailableError("The embedder is closed.", hint="The server is stopping.")


def _plan(runtime: ModelRuntime, passages: Sequence[PassageText]) -> list[list[Pass]]:
    """All passes of the passages in portions of like work, the longest passes first."""
    passes = [
        one
        for number, passage in enumerate(passages)
        for one in plan_passes(runtime.pieces, number, passage, runtime.model.max_tokens)
    ]
    passes.sort(key=lambda one: len(one.ids), reverse=True)
    portions: list[list[Pass]] = []
    room = 0
    for one in passes:
        if not portions or len(one.ids) > room:
            portions.append([])
            room = PORTION_TOKENS
        portions[-1].append(one)
        room -= len(one.ids)
    return portions


def _read(runtime: ModelRuntime, passes: Iterable[Pass]) -> Sums:
    return [summed for one in passes for summed in sum_pools(one, runtime.run(one.ids))]


def _embed_one(opened: Callable[[], ModelRuntime], asked: PassageText) -> Floats:
    runtime = opened()
    passes = plan_passes(runtime.pieces, 0, asked, runtime.model.max_tokens)
    return pool_rows(_read(runtime, passes), [1 + len(asked.windows)])[0]


def _token_states(runtime: ModelRuntime, text: str) -> TokenStates:
    pieces = runtime.pieces.encode(text)
    read = [
        runtime.run(runtime.pieces.enclose(pieces.ids[start:end]))[1:-1]
        for start, end in stretches(len(pieces.ids), runtime.model.max_tokens - 2, ())
    ]
    return TokenStates(unit(np.concatenate(read)), tuple(pieces.spans))
