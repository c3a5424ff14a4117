"""Which answer that is kept was asked for in other words."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from citewell.chat.caching.keys import Key
from citewell.chat.caching.local_answers import Kept
from citewell.chat.caching.sameness import same_in_what_decides
from citewell.domain.principal import Principal
from citewell.inference.embedding import Vector
from citewell.inference.paying import QUESTIONS, AnyEmbedder, paid_by
from citewell.retrieval.meaning import EMBED_SECONDS, WITHOUT_MEANING


@dataclass(frozen=True, slots=True)
class Nearness:
    """Questions whose vectors have a cosine of `least`, and which are the same in what decides."""

    embedder: AnyEmbedder
    least: float

    async def vector(self, principal: Principal, text: str) -> Vector | None:
        """The question's vector, which the tenant pays for; None: nobody can tell what is near."""
        embedder = paid_by(principal.tenant_id, self.embedder, QUESTIONS)
        try:
            async with asyncio.timeout(EMBED_SECONDS):
                return await embedder.embed_query(text)
        except WITHOUT_MEANING:
            return None

    def nearest(
        self, text: str, vector: Vector, kept: Sequence[tuple[Key, Kept]]
    ) -> tuple[Key, float] | None:
        """The key of the nearest answer with its cosine; None when none is near enough.

        What was refused is not among them: a refusal repeats the words of its question.
        """
        near = [
            (float(vector @ one.vector), key)
            for key, one in kept
            if one.vector is not None and one.answer.answered
        ]
        for cosine, key in sorted(near, key=lambda pair: -pair[0]):
            if cosine < self.least:
                return None
            if same_in_what_decides(text, key.text):
                return key, cosine
        return None
