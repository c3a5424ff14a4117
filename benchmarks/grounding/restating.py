"""True sentences that no document holds word for word: questions of people with their answers."""

import re
from dataclasses import dataclass

from citewell.domain.documents import TextKind
from citewell.domain.ids import ChunkId, CollectionId, DocumentId, VersionId, new_id
from citewell.domain.passages import Passage, Scores
from citewell.evaluation.sets import GoldenSet, Question, Record
from citewell.index.languages import detect_language

_AUXILIARY = "did|does|do|was|were|is|are|has|have|had|can|could|will|would|should"
_ENGLISH = (
    (re.compile(r"(?:who|what) (was|were|is|are) (.+)$", re.I), r"\2 \1 {}."),
    (re.compile(rf"who (?!(?:{_AUXILIARY})\b)(.+)$", re.I), r"{} \1."),
    (re.compile(r"how (?:many|much) (.+)$", re.I), r"{} \1."),
    (
        re.compile(
            r"(?:(?:in|on|at|for|to|by|from) )?(?:when|where|why|how|what|which|whom?|whose)"
            rf" (?:(?:{_AUXILIARY}) )?(.+)$",
            re.I,
        ),
        r"\1, {}.",
    ),
)
# Elsewhere what asks is left out, and the answer said behind what is left.
_ASKING = {
    "de": r"\b(?:wie ?viele?|welche[rsnm]?|wer|wen|wem|was|wo|wann|warum|wie)\b",
    "zh": r"什么时候|什么|谁|哪[一个些位里年]?|多少|何时|何地|几|如何|怎么|怎样|为什么",
    "hi": r"\b(?:कौन|क्या|कब|कहाँ|कितने|कितनी|कितना|किस|किसने|कैसे|क्यों)(?=\s|$)",
    "ar": r"\b(?:من|ما|ماذا|متى|أين|كم|كيف|لماذا|هل|أي)\b",
}


@dataclass(frozen=True, slots=True)
class Restated:
    """A sentence that its passage supports, and the record of the passage."""

    text: str
    answer: str
    record: str


def restated(question: Question, language: str) -> Restated | None:
    """The question as a statement; None when its form is not known."""
    answer = question.answers[0].strip()
    asked = question.text.strip().rstrip("?？؟।").strip()
    record = next(iter(question.relevant))
    if language != "en":
        left = re.sub(_ASKING[language], " ", asked, flags=re.IGNORECASE)
        return Restated(f"{' '.join(left.split())} {answer}.", answer, record)
    for pattern, form in _ENGLISH:
        found = pattern.match(asked)
        if found:
            # The answer is put in last: it is no template.
            said = found.expand(form).replace("{}", answer)
            return Restated(said[0].upper() + said[1:], answer, record)
    return None


def passages_of(golden: GoldenSet) -> dict[str, Passage]:
    """The records as a search would give them."""
    return {record.id: _passage(record) for record in golden.records}


def _passage(record: Record) -> Passage:
    return Passage(
        chunk_id=ChunkId(new_id()),
        document_id=DocumentId(new_id()),
        version_id=VersionId(new_id()),
        collection_id=CollectionId(new_id()),
        title=record.title,
        filename="",
        text=record.text,
        start=0,
        end=len(record.text),
        page=None,
        page_label="",
        headings=(),
        kind=TextKind.PROSE,
        language=detect_language(record.text),
        ordinal=0,
        context="",
        scores=Scores(1.0),
    )
