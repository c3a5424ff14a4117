"""Whether two questions that are near in meaning may have one answer.

A model puts "in 1998" beside "in 1999", "is" beside "is not" and "upwards" beside "downwards": what
decides the answer is compared word by word, and what is left to the model is how words are put.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from citewell.domain.documents import TextKind
from citewell.domain.words import WORD
from citewell.index.analyzer import analyze
from citewell.index.languages import detect_language

_NEGATIONS = frozenset(
    re.findall(
        r"\w+",
        """
    no not never none nobody nothing nor neither without except cannot unless hardly less fewer
    nein nicht kein keine keinen keinem keiner nie niemals niemand nichts ohne außer weder weniger
    non ne pas jamais aucun aucune personne rien sans sauf ni moins
    no nunca jamás ningún ninguna ninguno nadie nada sin excepto tampoco menos
        """,
    )
)
_CONTRACTED = re.compile(r"n['’]t\b", re.IGNORECASE)
# What is asked for: who and when are near each other in meaning, and never in their answers. In
# languages that are not here every word has to be the same.
_ASKING = {
    language: frozenset(words.split())
    for language, words in {
        "en": "who whom whose what when where which why how many much long old far often first"
        " last latest earliest most least more before after during between until since from to",
        "de": "wer wen wem wessen was wann wo wohin woher welche welcher welches welchen warum"
        " wieso wie viele erste erster letzte letzter vor nach während zwischen bis seit"
        " von mehr meiste",
        "fr": "qui que quoi quand où quel quelle quels quelles pourquoi comment combien premier"
        " première dernier dernière avant après pendant entre depuis de à plus",
        "es": "quién quiénes qué cuándo dónde cuál cuáles cómo cuánto cuánta cuántos cuántas"
        " primero primera último última antes después durante entre desde de a más",
    }.items()
}
_QUOTED = re.compile(r"[\"“„«]([^\"“”„«»]+)[\"”“»]")


@dataclass(frozen=True, slots=True)
class Decisive:
    """The parts of a question that its answer hangs on, each with how often it is there.

    `content` are the stems of its other words, those left out that say nothing by themselves.
    """

    numbers: Counter[str]
    names: Counter[str]
    negations: Counter[str]
    asking: frozenset[str]
    quoted: Counter[str]
    content: frozenset[str]

    @classmethod
    def of(cls, text: str) -> Self:
        """Read from the question alone."""
        language = detect_language(text)
        asking = _ASKING.get(language, frozenset())
        words = WORD.findall(text)
        low = [word.casefold() for word in words]
        negated = Counter(word for word in low if word in _NEGATIONS)
        negated["n't"] += len(_CONTRACTED.findall(text))
        return cls(
            numbers=Counter(word for word in low if any(map(str.isdigit, word))),
            names=Counter(_names(words, asking)),
            negations=+negated,
            asking=frozenset(low) & asking,
            quoted=Counter(one.casefold() for one in _QUOTED.findall(text)),
            content=_content(text, language),
        )


def same_in_what_decides(one: str, other: str) -> bool:
    """Whether two questions differ in nothing but their small words and the order of words."""
    return Decisive.of(one) == Decisive.of(other)


def _names(words: Iterable[str], asking: frozenset[str]) -> Iterable[str]:
    """Words written large, the first one too unless it is one that asks."""
    for word in words:
        if word != word.lower() and word.casefold() not in asking:
            yield word.casefold()


def _content(text: str, language: str) -> frozenset[str]:
    known = language in _ASKING
    code = language if known else ""
    return frozenset(analyze(text, language=code, kind=TextKind.PROSE, question=known))
