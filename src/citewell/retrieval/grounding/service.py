"""Holds a written answer to its footnotes: every sentence is looked up in what it cites."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from citewell.domain.passages import Citation, Doubt, Passage
from citewell.domain.sentences import Span
from citewell.inference.embedding import Embedder
from citewell.retrieval.grounding.evidence import Source
from citewell.retrieval.grounding.facts import FactKind
from citewell.retrieval.grounding.footnotes import Footnoted
from citewell.retrieval.grounding.judging import judge, lacking, read
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
        given = [asked, *(source.everything for source in sources.values())]
        cited = [sources[n].everything for one in claims for n in one.numbers if n in sources]
        loose = [
            *_loose([o for o in others if _admits(o, admissions)], given, tuple(FactKind)),
            *_loose([o for o in others if not _admits(o, admissions)], cited, LEADS_STATE),
        ]
        doubts = [*loose, *(doubt for one in found for doubt in one.doubts())]
        citations = [citation for one in found for citation in one.citations(text)]
        return Grounded(
            citations=tuple(citations),
            doubts=tuple(sorted(doubts, key=lambda doubt: doubt.start)),
            held=sum(one.holds for one in found),
            needed=len(found) + len(loose),
        )

    async def _footnoted(
        self, claims: Sequence[Statement], sources: Mapping[int, Source]
    ) -> list[Footnoted]:
        cited = [[sources[n] for n in one.numbers if n in sources] for one in claims]
        readings = await asyncio.to_thread(
            lambda: [read(one, mine) for one, mine in zip(claims, cited, strict=True)]
        )
        near = await cosines(self.embedder, readings)
        return [
            Footnoted(reading.statement, sources, judge(reading, near.get(place)))
            for place, reading in enumerate(readings)
        ]


def _needs(statement: Statement, admissions: Sequence[Span]) -> bool:
    """What carries a mark is held to it, whatever it is."""
    if statement.marks:
        return True
    return statement.kind is not Kind.LEAD and not _admits(statement, admissions)


def _admits(statement: Statement, admissions: Sequence[Span]) -> bool:
    return any(start <= statement.start < end for start, end in admissions)


def _loose(
    statements: Sequence[Statement], known: Sequence[str], kinds: Sequence[FactKind]
) -> list[Doubt]:
    """What needs no footnote and yet states what is not known."""
    found = ((one, lacking(one.text, known, kinds)) for one in statements)
    return [Doubt(one.start, one.end, reason) for one, reason in found if reason is not None]
