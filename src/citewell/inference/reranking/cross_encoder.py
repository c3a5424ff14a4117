"""A reranker on this machine that reads question and text together, by sentence-transformers."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from citewell.domain.errors import StartError, UpstreamError
from citewell.inference.local import libraries
from citewell.inference.local.lane import Lane
from citewell.inference.passage_text import encodable
from citewell.inference.processors import cores

SETTING = "CITEWELL_RERANK__MODEL"
BATCH_TEXTS = 8
LONGEST = 100_000


@dataclass(frozen=True, slots=True)
class CrossEncoderReranker:
    """Keeps the promises of `Reranker`; its order is its own alone, as of decision 0035.

    Of texts beyond the model's limit the rest is ignored. After `close` every call raises
    `UnavailableError`.
    """

    name: str
    _encoder: Any
    _lane: Lane
    share: float = 1.0

    @classmethod
    async def open(cls, named: str) -> "CrossEncoderReranker":
        """The model of a folder, or of a name in the local cache; raises `StartError`."""
        return await asyncio.to_thread(_load, named)

    async def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """What the model gives each text before any squashing; its range is the model's own."""
        pairs = [(encodable(question)[:LONGEST], encodable(text)[:LONGEST]) for text in texts]
        batches = [pairs[n : n + BATCH_TEXTS] for n in range(0, len(pairs), BATCH_TEXTS)]
        # Who gives up waiting has those dropped that were not begun.
        read = [self._lane.run(partial(_read, self._encoder, batch)) for batch in batches]
        made = list(chain.from_iterable(await asyncio.gather(*read)))
        if not all(map(math.isfinite, made)):
            raise UpstreamError(
                f"{self.name} gave a score that is no number.", hint="Use another model."
            )
        return made

    async def close(self) -> None:
        """Waits for the batches that are read; may be called twice."""
        await self._lane.close()


def _read(encoder: Any, pairs: list[tuple[str, str]]) -> list[float]:
    scores = encoder.predict(pairs, batch_size=BATCH_TEXTS, show_progress_bar=False)
    return [float(score) for score in scores]


def _load(named: str) -> CrossEncoderReranker:
    folder = libraries.found(named, SETTING)
    encoder = libraries.cross_encoder(folder)
    if encoder.num_labels != 1:
        raise StartError(
            f"{SETTING}: {folder.name} sorts texts into {encoder.num_labels} kinds; a reranker"
            " gives each one number.",
            hint="Use a cross-encoder that was trained to rank.",
        )
    # The tokenizer is told once how to cut and pad; afterwards many threads may use it.
    _read(encoder, [("Ready?", "Yes.")])
    many = cores() if encoder.device.type == "cpu" else 1
    return CrossEncoderReranker(folder.name, encoder, Lane(folder.name, threads=many, spread=1))
