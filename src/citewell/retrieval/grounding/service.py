"""Holds a written answer to its footnotes: every sentence is looked up in what it cites."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from citewell.domain.passages import Citation, Doubt, Passage
from citewell.domain.sentences import Span
from citewell.inference.embedding import Embedder
from citewell.retrieval.grounding.evidence import Source
from citewell.retrieval.grounding.facts import FactKind, holdings
from citewell.retrieval.grounding.footnotes import Footnoted
from citewell.retrieval.grounding.judging import Reading, judge, lacking, read
from citewell.retrieval.grounding.meaning import cosines
from citewell.retrieval.grounding.statements import Kind, Statement, statements_of

# Headings and introductions put things their own way, but they invent no figures.
LEADS_STATE = (FactKind.NUMBER, FactKind.DATE, FactKind.LINK)


@dataclass(frozen=True, slots=True)
class Grounded:
    """The footnotes of an answer, what is doubtful about it, and how much of it holds.

    `verified` of a citation says that its sentence holds and that it has to do with it; that the
    quote stands in the document is checked elsewhere. Of `needed` sentences that need a footnote,
    `held` hold.
    """

    citations: tuple[Citation, ...]
    doubts: tuple[Doubt, ...]
    held: int
    needed: int

    @property
    def share(self) -> float:
        """The share of the sentences that hold, 1 when none needs a footnote."""
        return self.held / self.needed if self.needed else 1.0


@dataclass(frozen=True, slots=True)
class Grounding:
    """Needs the embedder for meaning; without it, words have to do."""

    embedder: Embedder

    async def check(
        self,
        text: str,
        passages: Sequence[Passage],
        *,
        asked: str = "",
        admissions: Sequence[Span] = (),
    ) -> Grounded:
        """Look up every sentence of `text`; the mark `[n]` points to the n-th passage, from 1.

        Sentences that begin inside `admissions` say what the documents do not, and need no
        footnote; a figure or a name that neither they nor the question, `asked`, hold is doubtful
        there too.
        """
        sources = {n: Source(n, passage) for n, passage in enumerate(passages, start=1)}
        statements = await asyncio.to_thread(statements_of, text)
        claims = [one for one in statements if _needs(one, admissions)]
        found = await self._footnoted(claims, sources)
        others = [one for one in statements if not _needs(one, admissions)]
        return await asyncio.to_thread(
            _grounded, text, sources, found, _Others(others, asked, admissions)
        )

    async def _footnoted(
        self, claims: Sequence[Statement], sources: Mapping[int, Source]
    ) -> list[Footnoted]:
        readings = await asyncio.to_thread(lambda: [_read(one, sources) for one in claims])
        near = await cosines(self.embedder, readings)
        return [
            Footnoted(reading.statement, sources, judge(reading, near.get(place)))
            for place, reading in enumerate(readings)
        ]


@dataclass(frozen=True, slots=True)
class _Others:
    """What needs no footnote, and what is known where something is said to be missing."""

    statements: Sequence[Statement]
    asked: str
    admissions: Sequence[Span]

    def doubts(self, sources: Mapping[int, Source], cited: Collection[int]) -> Iterator[Doubt]:
        """What states facts all the same, and has them from nowhere."""
        if not self.statements:
            return
        given = holdings([self.asked, *(source.everything for source in sources.values())])
        known = holdings([sources[n].everything for n in cited if n in sources])
        for one in self.statements:
            admits = _admits(one, self.admissions)
            kinds = tuple(FactKind) if admits else LEADS_STATE
            reason = lacking(one.text, given if admits else known, kinds)
            if reason is not None:
                yield Doubt(one.start, one.end, reason)


def _grounded(
    text: str, sources: Mapping[int, Source], found: Sequence[Footnoted], others: _Others
) -> Grounded:
    cited = {number for one in found for number in one.statement.numbers}
    loose = list(others.doubts(sources, cited))
    doubts = [*loose, *(doubt for one in found for doubt in one.doubts())]
    return Grounded(
        citations=tuple(citation for one in found for citation in one.citations(text)),
        doubts=tuple(sorted(doubts, key=lambda doubt: doubt.start)),
        held=sum(one.holds for one in found),
        needed=len(found) + len(loose),
    )


def _read(statement: Statement, sources: Mapping[int, Source]) -> Reading:
    cited = [sources[n] for n in statement.numbers if n in sources]
    others = [one for n, one in sources.items() if n not in statement.numbers]
    return read(statement, cited, others)


def _needs(statement: Statement, admissions: Sequence[Span]) -> bool:
    """What carries a mark is held to it, whatever it is."""
    if statement.marks:
        return True
    return statement.kind is not Kind.LEAD and not _admits(statement, admissions)


def _admits(statement: Statement, admissions: Sequence[Span]) -> bool:
    return any(start <= statement.start < end for start, end in admissions)
