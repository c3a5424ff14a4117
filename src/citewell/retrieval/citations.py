"""Citations: a version, a span and a quote that equals the text there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from citewell.domain.passages import Citation
from citewell.domain.principal import Principal
from citewell.storage.at_once.spans import spans
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
        database = self.database
        wanted = [(one.version_id, one.start, one.end) for one in citations]
        said = await spans(database.read, await database.seal(principal), principal, wanted)
        return tuple(
            replace(one, verified=there == one.quote)
            for one, there in zip(citations, said, strict=True)
        )
