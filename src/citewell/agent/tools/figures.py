"""Whether a text says only numbers that are known."""

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"\d[\d.,]{0,60}")


def unknown_numbers(text: str, known: Iterable[str]) -> list[str]:
    """The numbers of `text` that stand in none of the `known` texts, in their order."""
    there = {one for source in known for one in _numbers(source)}
    return [number for number in _numbers(text) if number not in there]


def _numbers(text: str) -> list[str]:
    return [_plain(found) for found in _NUMBER.findall(text)]


def _plain(written: str) -> str:
    """Without what ends a sentence or groups thousands; decimals without noughts at their end."""
    number = written.rstrip(".,").replace(",", "")
    if number.count(".") == 1:
        number = number.rstrip("0").rstrip(".")
    return number.lstrip("0") or "0"
