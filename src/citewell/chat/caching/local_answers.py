"""Answers in the memory of this process: bounded in bytes and in age, the least used go first."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from citewell.chat.caching.keys import Key
from citewell.domain.passages import Answer, Passage

# Of a passage or citation beside its texts, and of an answer beside both.
OVERHEAD_BYTES = 1_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A whole answer with the passages that its marks point to; `vector` is its question's.

    `at` is when it was made, in seconds of a clock that only goes forward.
    """

    answer: Answer
    sources: tuple[Passage, ...]
    at: float
    vector: NDArray[np.float32] | None = None

    @property
    def size(self) -> int:
        """What it takes of the memory, about."""
        shown = (*self.sources, *self.answer.related)
        texts = [one.text + one.context + one.title for one in shown]
        texts += [one.quote + one.title for one in self.answer.citations]
        # A character takes up to four bytes.
        return sum(4 * len(one) + OVERHEAD_BYTES for one in [*texts, self.answer.text])


@dataclass(slots=True)
class LocalAnswers:
    """Keeps at most `memory_bytes` for at most `seconds`; `clock` tells seconds.

    Its three coroutines are all that a store between processes would have to offer.
    """

    memory_bytes: int
    seconds: float
    clock: Callable[[], float] = time.monotonic
    _kept: OrderedDict[Key, Kept] = field(default_factory=OrderedDict)
    _size: int = 0

    async def get(self, key: Key) -> Kept | None:
        """The answer under this key; None when there is none or its time is over."""
        self._forget_old()
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    async def beside(self, scope: str) -> list[tuple[Key, Kept]]:
        """All answers of a scope whose time is not over."""
        self._forget_old()
        return [(key, kept) for key, kept in self._kept.items() if key.scope == scope]

    async def put(self, key: Key, kept: Kept | None) -> None:
        """Keep the answer instead of what was under this key; None: forget what was."""
        before = self._kept.pop(key, None)
        self._size -= before.size if before else 0
        if kept is None or kept.size > self.memory_bytes:
            return
        self._kept[key] = kept
        self._size += kept.size
        while self._size > self.memory_bytes:
            self._size -= self._kept.popitem(last=False)[1].size

    def _forget_old(self) -> None:
        """What is too old is not even kept in memory; the oldest need not be the least used."""
        end = self.clock() - self.seconds
        for key in [key for key, kept in self._kept.items() if kept.at <= end]:
            self._size -= self._kept.pop(key).size
