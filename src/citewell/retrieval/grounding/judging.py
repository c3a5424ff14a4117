"""Whether a statement holds by what it cites: word for word, or by its facts and its meaning.

The bounds were calibrated on SQuAD articles 1–12; docs/concepts/citations.md has what they let
through and what they stop, and the command that measures it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from citewell.domain.passages import DoubtReason
from citewell.index.languages import detect_language
from citewell.retrieval.grounding.evidence import Evidence, Source, gather
from citewell.retrieval.grounding.facts import Fact, FactKind, Holdings, facts_of, holdings
from citewell.retrieval.grounding.polarity import denials
from citewell.retrieval.grounding.quotes import find, holds_code, quotations
from citewell.retrieval.grounding.statements import Kind, Statement

# Covered terms and cosine together, where the model knows the language; else the terms alone.
WITH_MEANING = 1.0
WITHOUT_MEANING = 0.5
# How much of a sentence that denies something a statement that does not must repeat to differ.
REPEATED = 0.6

_REASONS = {
    FactKind.NUMBER: DoubtReason.UNSUPPORTED_NUMBER,
    FactKind.DATE: DoubtReason.UNSUPPORTED_DATE,
    FactKind.NAME: DoubtReason.UNSUPPORTED_NAME,
    FactKind.LINK: DoubtReason.UNSUPPORTED_LINK,
}
_DIGITS = re.compile(r"\d[\d.,]*")


@dataclass(frozen=True, slots=True)
class Reading:
    """A statement beside its evidence; `failing` is what is wrong with its facts, if anything.

    `is_quoted` says that it stands word for word in a source: nothing else is asked then.
    """

    statement: Statement
    evidence: Evidence
    failing: DoubtReason | None
    is_quoted: bool = False

    @property
    def asks_for_meaning(self) -> bool:
        """Whether meaning can still decide."""
        return self.failing is None and not self.is_quoted and bool(self.evidence.pieces)


def read(statement: Statement, sources: Sequence[Source], others: Sequence[Source] = ()) -> Reading:
    """Look a statement up in the sources that it cites; without any nothing speaks for it.

    What stands word for word in one of the `others`, and in none of them, is misattributed.
    """
    if statement.kind is Kind.CODE:
        return _code(statement, sources)
    if any(find(statement.text, source.passage.text) for source in sources):
        return Reading(statement, gather(statement.text, sources), None, is_quoted=True)
    # By its numbers a statement would find a sentence that has them of something else.
    spans = max(2, len(sources))
    evidence = gather(_DIGITS.sub(" ", statement.text), sources, most=spans)
    failing = _failing(statement.text, evidence, sources)
    if failing is None and any(find(statement.text, other.passage.text) for other in others):
        failing = DoubtReason.MISATTRIBUTED
    return Reading(statement, evidence, failing)


def lacking(text: str, known: Holdings, kinds: Sequence[FactKind]) -> DoubtReason | None:
    """What of a text that needs no footnote is not known."""
    facts = facts_of(text, detect_language(text))
    return next((_REASONS[f.kind] for f in facts if f.kind in kinds and not known.has(f)), None)


def judge(reading: Reading, cosine: float | None) -> DoubtReason | None:
    """Why the statement does not hold, None when it does; without a `cosine` by its words alone."""
    if reading.failing is not None or reading.is_quoted:
        return reading.failing
    covered = reading.evidence.covered
    near = covered >= WITHOUT_MEANING if cosine is None else covered + cosine >= WITH_MEANING
    if near and reading.evidence.pieces:
        return None
    return DoubtReason.OTHER_LANGUAGE if _is_foreign(reading) else DoubtReason.NOT_SIMILAR


def _code(statement: Statement, sources: Sequence[Source]) -> Reading:
    evidence = gather(statement.text, sources)
    holds = holds_code(statement.text, [source.passage.text for source in sources])
    return Reading(statement, evidence, None if holds else DoubtReason.MISQUOTED, is_quoted=holds)


def _failing(text: str, evidence: Evidence, sources: Sequence[Source]) -> DoubtReason | None:
    quoted = (any(find(q, s.passage.text) for s in sources) for q in quotations(text))
    if not all(quoted):
        return DoubtReason.MISQUOTED
    language = _spoken(text, evidence)
    held = holdings([*(p.text for p in evidence.pieces), *(s.about for s in sources)])
    missing = [fact for fact in facts_of(text, language) if not held.has(fact)]
    if missing:
        return _REASONS[_worst(missing).kind]
    return DoubtReason.NEGATED if _differ(text, language, evidence) else None


def _spoken(text: str, evidence: Evidence) -> str:
    """The language of a statement: its source's where they share words, else what it looks like."""
    if evidence.pieces and evidence.covered >= WITHOUT_MEANING:
        return evidence.language
    return detect_language(text)


def _worst(missing: Sequence[Fact]) -> Fact:
    order = list(_REASONS)
    return min(missing, key=lambda fact: order.index(fact.kind))


def _differ(text: str, language: str, evidence: Evidence) -> bool:
    """One denies, the other does not."""
    if not evidence.pieces or language != evidence.language:
        return False
    best = evidence.pieces[0]
    if denials(text, language):
        return not any(denials(piece.text, language) for piece in evidence.pieces)
    terms = best.source.terms[best.place]
    repeated = len(best.source.terms_of(text) & terms) >= REPEATED * len(terms)
    return repeated and bool(denials(best.text, language))


def _is_foreign(reading: Reading) -> bool:
    spoken = detect_language(reading.statement.text)
    return bool(spoken and reading.evidence.language) and spoken != reading.evidence.language
