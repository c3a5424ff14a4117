"""The footnotes of one sentence: what each of its marks quotes, and what is doubtful about it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from citewell.domain.passages import Citation, Doubt, DoubtReason
from citewell.domain.sentences import Span
from citewell.retrieval.grounding.evidence import Source, gather
from citewell.retrieval.grounding.marks import Mark
from citewell.retrieval.grounding.quotes import find
from citewell.retrieval.grounding.statements import Statement

# What a footnote must share with its sentence, so that a reader finds there what it is for.
RELATED = 0.2
_CLOSING = re.compile(r"[.!?…。！？।\"'”’»)\]]*")


@dataclass(frozen=True, slots=True)
class Footnoted:
    """A sentence, what its marks can point to, and why it does not hold, None when it does."""

    statement: Statement
    sources: Mapping[int, Source]
    failing: DoubtReason | None

    @property
    def holds(self) -> bool:
        """Whether it has a footnote and is supported by what it cites."""
        return self.failing is None and any(n in self.sources for n in self.statement.numbers)

    def doubts(self) -> Iterator[Doubt]:
        """The sentence when it does not hold, then each mark that points nowhere or elsewhere."""
        one = self.statement
        if not one.marks:
            yield Doubt(one.start, one.end, DoubtReason.NO_CITATION)
        elif self.failing is not None and any(n in self.sources for n in one.numbers):
            yield Doubt(one.start, one.end, self.failing)
        for mark, number in self._marks():
            if number not in self.sources:
                yield Doubt(mark.start, mark.end, DoubtReason.UNKNOWN_MARK, number)
            elif self.holds and not self._is_related(number):
                yield Doubt(mark.start, mark.end, DoubtReason.UNRELATED, number)

    def citations(self, text: str) -> Iterator[Citation]:
        """One for every mark that points somewhere; `text` is the whole answer."""
        for mark, number in self._marks():
            if number in self.sources:
                verified = self.holds and self._is_related(number)
                place = self.statement.start, self._end_before(mark, text)
                yield _citation(self.sources[number], self.statement, place, verified=verified)

    def _marks(self) -> Iterator[tuple[Mark, int]]:
        return ((mark, number) for mark in self.statement.marks for number in mark.numbers)

    def _is_related(self, number: int) -> bool:
        if self.statement.numbers == [number]:
            return True
        evidence = gather(self.statement.text, [self.sources[number]])
        return evidence.covered >= RELATED

    def _end_before(self, mark: Mark, text: str) -> int:
        start, end = self.statement.start, self.statement.end
        if mark.start <= start:
            return end
        return start + len(text[start : min(mark.start, end)].rstrip())


def _citation(source: Source, statement: Statement, place: Span, *, verified: bool) -> Citation:
    passage = source.passage
    start, end = _quoted(statement, source)
    return Citation(
        number=source.number,
        answer_start=place[0],
        answer_end=place[1],
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        version_id=passage.version_id,
        start=passage.start + start,
        end=passage.start + end,
        quote=passage.text[start:end],
        title=passage.title,
        filename=passage.filename,
        page=passage.page,
        verified=verified,
    )


def _quoted(statement: Statement, source: Source) -> Span:
    """What to quote: the same words, else the sentence that holds most of it and its neighbour."""
    text = source.passage.text
    same = find(statement.text, text)
    if same is not None:
        closing = _CLOSING.match(text, same[1])
        return same[0], closing.end() if closing else same[1]
    pieces = gather(statement.text, [source]).pieces
    if not pieces:
        return source.spans[0] if source.spans else (0, len(text))
    near = [piece.span for piece in pieces if abs(piece.place - pieces[0].place) <= 1]
    return min(start for start, _ in near), max(end for _, end in near)
