"""Ways in which a true sentence becomes a false one, or comes to cite what does not hold it."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.grounding.restating import Restated
from citewell.domain.passages import Passage
from citewell.domain.sentences import sentences
from citewell.retrieval.grounding.names import fold, names_of
from citewell.retrieval.grounding.numbers import numbers_of
from citewell.retrieval.grounding.polarity import denials

_DIGIT = re.compile(r"\d")
_FIGURES = re.compile(r"\d[\d.,]*\d|\d")
_DENIES = {
    "en": (re.compile(r"\b(was|were|is|are|has|had|can|could|did|does|do)\b"), r"\1 not"),
    "de": (re.compile(r"\b(ist|sind|war|waren|wurde|wurden|hat|hatte|kann)\b"), r"\1 nicht"),
    "zh": (re.compile(r"(是|有|在|能)"), r"不\1"),
    "hi": (re.compile(r"(है|था|थे|थी|हैं)(?=\s|$)"), r"नहीं \1"),
    "ar": (re.compile(r"(?<!\S)(كان|كانت|هو|هي)(?!\S)"), r"ليس \1"),
}
_DENIALS = re.compile(r" (?:not|never)\b(?! only)|n['’]t\b")


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence that cites `passage`; `kind` says in what way it is true or false."""

    kind: str
    text: str
    passage: Passage


@dataclass(frozen=True, slots=True)
class Falsifier:
    """Makes the cases of one set; the same `seed` makes the same."""

    language: str
    passages: Mapping[str, Passage]
    answers: Mapping[str, Sequence[str]]
    rng: random.Random = field(default_factory=lambda: random.Random(3))

    def cases(self, true: Restated) -> Iterator[Case]:
        """The sentence itself, and what can be made of it."""
        cited = self.passages[true.record]
        near, far = self._others(true.record)
        yield Case("restated", true.text, cited)
        yield from self._of_passage(cited)
        made = {
            "number changed": self._number(true.text),
            "number of the same passage": self._number_of(true.text, cited.text),
            "name of another article": self._name(true.text, far.text),
            "name of the same passage": self._name(true.text, cited.text),
            "denied": self._denied(true.text),
            "answer to another question": self._answered(true),
        }
        yield from (Case(k, text, cited) for k, text in made.items() if text not in {"", true.text})
        yield Case("passage of another article", true.text, far)
        if near is not None:
            yield Case("passage of the same article", true.text, near)

    def _of_passage(self, cited: Passage) -> Iterator[Case]:
        spans = [cited.text[slice(*span)] for span in sentences(cited.text)]
        yield Case("word for word", self.rng.choice(spans), cited)
        denying = [said for said in spans if _DENIALS.search(said)]
        if denying and self.language == "en":
            said = _DENIALS.sub("", self.rng.choice(denying))
            if not denials(said, "en"):
                yield Case("denial left out", said, cited)

    def _others(self, record: str) -> tuple[Passage | None, Passage]:
        """Another passage of the article, if there is one, and one of another article."""
        article = self.passages[record].title
        others = [p for id_, p in self.passages.items() if id_ != record]
        near = [p for p in others if p.title == article] if article else []
        far = [p for p in others if not article or p.title != article]
        return (self.rng.choice(near) if near else None), self.rng.choice(far)

    def _number(self, text: str) -> str:
        spans = [(n.start, n.end) for n in numbers_of(text) if _DIGIT.search(text[n.start : n.end])]
        if not spans:
            return ""
        start, end = self.rng.choice(spans)
        new = _DIGIT.sub(lambda _: str(self.rng.randint(1, 9)), text[start:end])
        return text[:start] + new + text[end:]

    def _number_of(self, text: str, source: str) -> str:
        mine = [n for n in numbers_of(text) if _DIGIT.search(text[n.start : n.end])]
        if not mine:
            return ""
        one = self.rng.choice(mine)
        others = [
            figures[0]
            for n in numbers_of(source)
            if not n.values & one.values and (figures := _FIGURES.search(source[n.start : n.end]))
        ]
        if not others:
            return ""
        return _FIGURES.sub(self.rng.choice(others), text[: one.end][one.start :], count=1).join(
            (text[: one.start], text[one.end :])
        )

    def _name(self, text: str, source: str) -> str:
        mine = _names(text, self.language)
        if not mine:
            return ""
        start, end = self.rng.choice(mine)
        known = {fold(word) for word in text[start:end].split()}
        others = [source[slice(*span)] for span in _names(source, self.language)]
        others = [name for name in others if not known & {fold(word) for word in name.split()}]
        return text[:start] + self.rng.choice(others) + text[end:] if others else ""

    def _denied(self, text: str) -> str:
        pattern, form = _DENIES[self.language]
        return pattern.sub(form, text, count=1)

    def _answered(self, true: Restated) -> str:
        mine = true.answer.lower()
        others = [a for a in self.answers[true.record] if a.lower() not in mine]
        others = [a for a in others if mine not in a.lower()]
        return true.text.replace(true.answer, self.rng.choice(others)) if others else ""


def _names(text: str, language: str) -> list[tuple[int, int]]:
    """Whole names, of several words perhaps."""
    return [(run[0][0], run[-1][1]) for run in names_of(text, language) if run]
