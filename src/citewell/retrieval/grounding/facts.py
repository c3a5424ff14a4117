"""What a sentence states that can be looked up letter by letter: numbers, days, names, addresses.

A fact is known by keys; a text holds it when it holds one of them. So `7 February 2016` is found in
`2016-02-07`, `1,234` in `1234`, `fifty percent` in `50 %`, and `50 km` not in `50 miles`.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

from citewell.domain.sentences import Span
from citewell.retrieval.grounding.dates import Day, days_of
from citewell.retrieval.grounding.names import NOUNS_ARE_LARGE, fold, names_of
from citewell.retrieval.grounding.number_words import ORDINALS, SMALL
from citewell.retrieval.grounding.numbers import Number, numbers_of

# Said in words, these count nothing as often as they count something.
_IDLE = frozenset(word for word, value in (SMALL | ORDINALS).items() if value in {0, 1}) | {
    "second"
}
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>\"'()\[\]]{1,1000}")
_WORD = re.compile(r"[^\W_]+")
_INITIALS = re.compile(
    r"(?:\b[A-Z][\w’'-]*(?:[ -](?:of|the|and|for|de|la|du|des|für|und)\b)?[ -]?){2,8}"
)
# Endings that a name takes on: Americans, Berlins, Germany and Germans.
ENDINGS = 3
STEM = 5


class FactKind(StrEnum):
    """What is stated."""

    NUMBER = "number"
    DATE = "date"
    NAME = "name"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something stated; a text that holds any of `keys` states it too."""

    kind: FactKind
    text: str
    keys: frozenset[str]


def facts_of(text: str, language: str) -> list[Fact]:
    """Everything that the text states and a source must hold."""
    links = list(_ADDRESS.finditer(text))
    bare = _ADDRESS.sub(lambda found: " " * len(found[0]), text)
    days, numbers = days_of(bare), numbers_of(bare)
    taken = [*((d.start, d.end) for d in days), *((n.start, n.end) for n in numbers)]
    return [
        *(Fact(FactKind.LINK, one[0], frozenset({_link(one[0])})) for one in links),
        *(Fact(FactKind.DATE, bare[d.start : d.end], _day_keys(d)) for d in days),
        *(Fact(FactKind.NUMBER, d.year, frozenset({f"n {d.year}"})) for d in days if d.year),
        *_numbers(bare, numbers, days),
        *_names(bare, language, taken),
    ]


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a text holds: the keys of its facts, and its words."""

    keys: frozenset[str]
    words: frozenset[str]

    def has(self, fact: Fact) -> bool:
        """Whether the text states the fact, in whatever form."""
        if fact.kind is not FactKind.NAME:
            return not fact.keys.isdisjoint(self.keys)
        return any(key in self.words or self._bent(key) for key in fact.keys)

    def _bent(self, name: str) -> bool:
        return len(name) >= STEM and any(
            len(word) >= STEM and word.startswith(name[:STEM]) and _endings(name, word) <= ENDINGS
            for word in self.words
        )


def holdings(texts: Collection[str]) -> Holdings:
    """What the texts hold together."""
    keys: set[str] = set()
    words: set[str] = set()
    for text in texts:
        days = days_of(text)
        keys |= {_link(found[0]) for found in _ADDRESS.finditer(text)}
        for day in days:
            # The day of a date is a number, and its month is one of that year.
            keys |= {f"day {one}" for one in day.readings}
            keys |= {f"day {one.partition('-')[0]}-" for one in day.readings}
            keys |= {f"n {one.partition('-')[2]}" for one in day.readings} | {f"n {day.year}"}
        for number in numbers_of(text):
            keys |= {f"n {value}" for value in number.values}
            keys |= {f"n {value} {number.unit}" for value in number.values}
        words |= {fold(found[0]) for found in _WORD.finditer(text)}
        words |= {_initials(found[0]) for found in _INITIALS.finditer(text)}
    return Holdings(frozenset(keys), frozenset(words))


def _endings(name: str, word: str) -> int:
    """How many letters are left of both behind what they share."""
    shared = takewhile(lambda pair: pair[0] == pair[1], zip(name, word, strict=False))
    return len(name) + len(word) - 2 * sum(1 for _ in shared)


def _numbers(text: str, numbers: Collection[Number], days: Collection[Day]) -> Iterator[Fact]:
    for number in numbers:
        inside = any(day.start <= number.start < day.end for day in days)
        idle = text[number.start : number.end].lower() in _IDLE
        if not (inside or idle):
            yield Fact(FactKind.NUMBER, text[number.start : number.end], _number_keys(number))


def _number_keys(number: Number) -> frozenset[str]:
    """With a unit it must stand with the same, or without any; else with whatever unit."""
    if not number.unit:
        return frozenset(f"n {value}" for value in number.values)
    return frozenset(f"n {v} {unit}" for v in number.values for unit in (number.unit, ""))


def _day_keys(day: Day) -> frozenset[str]:
    return frozenset(f"day {one}" for one in day.readings)


def _names(text: str, language: str, taken: Collection[Span]) -> Iterator[Fact]:
    for run in names_of(text, language):
        words = [
            found
            for start, end in run
            if not any(first <= start < last for first, last in taken)
            for found in _WORD.finditer(text, start, end)
            if len(found[0]) > 1 and not found[0].isdigit()
        ]
        if words and language in NOUNS_ARE_LARGE:
            # Among nouns one word that is known makes a name known.
            named = " ".join(found[0] for found in words)
            yield Fact(FactKind.NAME, named, frozenset(fold(found[0]) for found in words))
        else:
            yield from (Fact(FactKind.NAME, f[0], frozenset({fold(f[0])})) for f in words)


def _link(address: str) -> str:
    return f"link {address.rstrip('.,;:!?').removesuffix('/')}"


def _initials(name: str) -> str:
    return "".join(word[0] for word in re.split(r"[ -]+", name) if word[:1].isupper()).lower()
