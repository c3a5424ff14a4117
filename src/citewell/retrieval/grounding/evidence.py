"""Where in the cited passages a statement may come from: the sentences that share its words."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from citewell.domain.passages import Passage
from citewell.domain.sentences import Span, sentences
from citewell.domain.words import WORD
from citewell.index.analyzer import analyze
from citewell.index.languages import common_words

# A sentence that sums up draws on two others; what draws on more is seldom true.
MOST_SPANS = 2
Terms = frozenset[str]


@dataclass(frozen=True)
class Source:
    """A passage that may be cited as `[number]`, read once for all statements."""

    number: int
    passage: Passage

    @cached_property
    def spans(self) -> Sequence[Span]:
        """The sentences of the passage's text."""
        return sentences(self.passage.text)

    @cached_property
    def terms(self) -> Sequence[Terms]:
        """What each of `spans` says."""
        return [self.terms_of(self.passage.text[start:end]) for start, end in self.spans]

    @cached_property
    def about(self) -> str:
        """What the passage is about: its title, its headings and what they are within."""
        passage = self.passage
        return "\n".join((passage.title, *passage.headings, passage.context, passage.filename))

    @property
    def everything(self) -> str:
        """All that a reader of the passage is shown."""
        return f"{self.about}\n{self.passage.text}"

    @cached_property
    def about_terms(self) -> Terms:
        """The terms of `about`."""
        return self.terms_of(self.about)

    def terms_of(self, text: str) -> Terms:
        """The words of a text that carry something, analysed as the passage is."""
        passage = self.passage
        common = common_words(passage.language)
        said = " ".join(word for word in WORD.findall(text) if word.lower() not in common)
        terms = analyze(said, language=passage.language, kind=passage.kind, question=True)
        return frozenset(terms)


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence of a source, and the share of a statement's terms that it holds, 0–1."""

    source: Source
    place: int
    covered: float

    @property
    def span(self) -> Span:
        """Where it stands in the passage's text."""
        return self.source.spans[self.place]

    @property
    def text(self) -> str:
        """What it says."""
        start, end = self.span
        return self.source.passage.text[start:end]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The sentences that hold most of a statement's terms together, the best first.

    `covered` is their share with the titles, 0–1; a statement without terms is covered by anything.
    `language` is that of the sources, "" when it is not known.
    """

    pieces: tuple[Piece, ...]
    covered: float
    language: str = ""

    @property
    def text(self) -> str:
        """What the sentences say, one after the other."""
        return " ".join(piece.text for piece in self.pieces)


def gather(statement: str, sources: Sequence[Source], most: int = MOST_SPANS) -> Evidence:
    """Take the sentence that covers most, then those that add most to it; `most` in all."""
    wanted = {id(source): source.terms_of(statement) for source in sources}
    left = {key: terms - _about(sources) for key, terms in wanted.items()}
    pieces: list[Piece] = []
    while len(pieces) < most:
        best = _best(sources, wanted, left, pieces)
        if best is None:
            break
        pieces.append(best)
        held = best.source.terms[best.place]
        left = {key: terms - held for key, terms in left.items()}
    total = max((len(terms) for terms in wanted.values()), default=0)
    missing = min((len(terms) for terms in left.values()), default=0)
    spoken = [piece.source for piece in pieces] or sources
    language = spoken[0].passage.language if spoken else ""
    return Evidence(tuple(pieces), 1.0 - missing / total if total else 1.0, language)


def _about(sources: Sequence[Source]) -> Terms:
    return frozenset().union(*(source.about_terms for source in sources))


def _best(
    sources: Sequence[Source],
    wanted: dict[int, Terms],
    left: dict[int, Terms],
    taken: Sequence[Piece],
) -> Piece | None:
    """The sentence that adds most; among equals the one that holds more of the whole statement.

    The first must share something with it, each further one must add something.
    """
    known = {(id(piece.source), piece.place) for piece in taken}
    ranked = [
        (len(terms & left[id(source)]), len(terms & wanted[id(source)]), -place, source)
        for source in sources
        for place, terms in enumerate(source.terms)
        if (id(source), place) not in known
    ]
    best = max(ranked, key=lambda one: one[:3], default=None)
    if best is None or not best[0 if taken else 1]:
        return None
    source = best[3]
    return Piece(source, -best[2], best[1] / max(1, len(wanted[id(source)])))
