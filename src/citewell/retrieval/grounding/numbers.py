"""Numbers of a text as values with units, however they are written.

Thousand separators and decimal commas are read both ways where both are possible; `1,234` is 1234
and 1.234. What is part of a name (`B2B`, `H2O`) is no number.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from citewell.retrieval.grounding.number_words import (
    CHINESE,
    ONES,
    ORDINALS,
    SCALES,
    SMALL,
    TENS,
    UNITS,
)

_GROUP = "[\u00a0\u202f\u2009'’]"
_GROUPS = re.compile(_GROUP)
_DIGITS = re.compile(
    rf"(?<![A-Za-z\u00c0-\u024f\d_.,])(?P<sign>(?<![\w)])[-−–])?(?:(?P<currency>[$€£])[ ]?)?"
    rf"(?P<digits>\d{{1,3}}(?:{_GROUP}\d{{3}})+(?:[.,]\d+)?|\d+(?:[.,]\d+)*)"
    r"(?P<after>(?:st|nd|rd|th|s|er|ern|e|ème|º|ª)(?!\w))?"
)
_UNIT = re.compile(
    r"[ \u00a0\u202f-]?(%|°[CF]|per cent|pour cent|por ciento|[^\W\d_]+|[$€£])", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_RANGE = re.compile(r"(?<!\d)(1\d|20)(\d\d)[-–/](\d\d)(?!\d)")
_CHINESE = re.compile(f"[{''.join(CHINESE)}]+")
MOST_DIGITS = 30


@dataclass(frozen=True, slots=True)
class Number:
    """A number at `start`..`end`: the values that it can be read as, and its unit, "" without.

    `is_said` tells that it is written in words.
    """

    start: int
    end: int
    values: frozenset[str]
    unit: str = ""
    is_said: bool = False


def numbers_of(text: str) -> list[Number]:
    """Every number of the text: in digits of any script, then in words."""
    plain = _ascii_digits(text)
    return [*_in_digits(plain), *_short_years(plain), *_in_words(plain), *_in_chinese(plain)]


def _ascii_digits(text: str) -> str:
    if text.isascii():
        return text
    return "".join(str(int(c)) if c.isdecimal() else c for c in text)


def _in_digits(text: str) -> Iterator[Number]:
    for found in _DIGITS.finditer(text):
        digits = found["digits"]
        if len(digits) > MOST_DIGITS or (not found["after"] and _in_a_name(text, found.end())):
            continue
        end, scale, unit = _what_follows(text, found.end())
        sign = -1 if found["sign"] else 1
        values = frozenset(_plain(sign * scale * value) for value in _readings(digits))
        yield Number(found.start(), end, values, UNITS.get(found["currency"] or "", unit))


def _in_a_name(text: str, end: int) -> bool:
    """`3D` is a name, `5km` is not."""
    word = _LATIN.match(text, end)
    return word is not None and word[0].lower() not in UNITS.keys() | SCALES.keys()


def _readings(digits: str) -> Iterator[Decimal]:
    bare = _GROUPS.sub("", digits)
    marks = re.findall(r"[.,]", bare)
    if not marks:
        yield Decimal(bare)
        return
    groups = re.split(r"[.,]", bare)
    thousands = all(len(group) == 3 for group in groups[1:]) and groups[0] not in {"", "0"}
    if len(set(marks)) == 1 and thousands and len(groups[0]) <= 3:
        yield Decimal("".join(groups))
    if len(marks) == 1 or (len(set(marks)) == 2 and marks.count(marks[-1]) == 1):
        yield Decimal("".join(groups[:-1]) + "." + groups[-1])
    elif not thousands:
        # A version or a dotted date: its parts.
        yield from (Decimal(group) for group in groups)


def _what_follows(text: str, end: int) -> tuple[int, int, str]:
    """Where the number with its scale and unit ends, the scale and the unit."""
    scale = 1
    found = _UNIT.match(text, end)
    while found and (word := found[1].lower()) in SCALES:
        scale *= SCALES[word]
        end = found.end()
        found = _UNIT.match(text, end)
    if found and found[1].lower() in UNITS:
        return found.end(), scale, UNITS[found[1].lower()]
    return end, scale, ""


def _short_years(text: str) -> Iterator[Number]:
    """1914–18 speaks of 1918 too."""
    for found in _RANGE.finditer(text):
        if found[3] > found[2]:
            yield Number(found.start(3), found.end(3), frozenset({found[1] + found[3]}))


def _in_words(text: str) -> Iterator[Number]:
    """`twenty-five`, `two hundred and fifty thousand`, `zwölf`, `third`."""
    words = [(found.start(), found.end(), found[0].lower()) for found in _WORD.finditer(text)]
    at = 0
    while at < len(words):
        value, taken = _spoken([word for *_, word in words[at : at + 8]])
        if taken:
            end, scale, unit = _what_follows(text, words[at + taken - 1][1])
            yield Number(words[at][0], end, frozenset({str(value * scale)}), unit, is_said=True)
        at += taken or 1


def _spoken(words: list[str]) -> tuple[int, int]:
    """The value that the words begin with, and how many of them make it; 0 for none."""
    total = current = taken = 0
    for place, word in enumerate(words):
        if word == "and" and taken and place + 1 < len(words) and words[place + 1] in SMALL | TENS:
            continue
        value = SMALL.get(word, TENS.get(word, ORDINALS.get(word)))
        if _is_one(word, words[place + 1 : place + 2], taken=taken):
            value = 1
        if value is not None and (not taken or _fits(current, value)):
            current += value
        elif word in SCALES and current:
            total, current = _scaled(total, current, SCALES[word])
        else:
            break
        taken = place + 1
    return total + current, taken


def _is_one(word: str, then: list[str], *, taken: int) -> bool:
    """`one million`, `a hundred`, `fifty-one`; else it is an article."""
    return (word in ONES and bool(then) and then[0] in SCALES) or (word == "one" and taken > 0)


def _fits(current: int, value: int) -> bool:
    """Units follow tens, and both follow hundreds: `six seven` are two numbers."""
    if current % 100 == 0:
        return True
    return current % 100 >= 20 and current % 10 == 0 and 0 < value < 10


def _scaled(total: int, current: int, scale: int) -> tuple[int, int]:
    return (total, current * scale) if scale == 100 else (total + current * scale, 0)


def _in_chinese(text: str) -> Iterator[Number]:
    """Numbers up to 99 as Chinese and Japanese write them; longer ones are read by digits."""
    for found in _CHINESE.finditer(text):
        tens, ten, ones = found[0].partition("十")
        digits = [CHINESE[character] for character in tens + ones]
        if ten and len(tens) <= 1 and len(ones) <= 1:
            value = (CHINESE[tens] if tens else 1) * 10 + (CHINESE[ones] if ones else 0)
        elif not ten and len(digits) != 1:
            value = int("".join(map(str, digits)))
        else:
            value = digits[0] if digits else 10
        yield Number(*found.span(), frozenset({str(value)}), is_said=True)


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")
