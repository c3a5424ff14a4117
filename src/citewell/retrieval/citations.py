"""Citations: a version, a span and a quote that equals the text there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from citewell.domain.passages import Citation
from citewell.domain.principal import Principal
from citewell.storage.database import Database


@dataclass(frozen=True, slots=True)
class Citations:
    """Checks quotes against the canonical text, when an answer is made and when it is shown."""

    database: Database

    async def check(
        self, principal: Principal, citations: Sequence[Citation]
    ) -> tuple[Citation, ...]:
        """The same citations; `verified` says whether the quote stands there at this moment."""
        if not citations:
            return ()
        async with self.database.transaction(principal) as tx:
            return tuple(
                [
                    replace(
                        c, verified=await tx.versions.span(c.version_id, c.start, c.end) == c.quote
                    )
                    for c in citations
                ]
            )
