"""What kind of answer a question expects, and whether a sentence offers one: a small hint."""

import re
from collections.abc import Callable

_DATE_QUESTION = re.compile(
    r"\b(?:when|what (?:year|date|day|month|century|decade|time)"
    r"|which (?:year|century|decade|month|day)|in what year|wann|quand|cuándo|quando)\b"
)
_NUMBER_QUESTION = re.compile(
    r"\bhow (?:many|much|old|long|far|large|tall|often|big|high|deep|fast|hot|heavy|wide)\b"
    r"|\bwhat (?:percent|percentage|number|amount|price|temperature|share|rate|size)\b"
    r"|\b(?:wie ?viele?|combien|cuánt[oa]s?|quant[oi])\b"
)
_NAME_QUESTION = re.compile(
    r"\b(?:who|whom|whose|where|wer|wo|qui|où|quién|dónde|chi|dove)\b"
    r"|\bwh(?:at|ich) (?:city|country|state|person|team|company|actor|king|queen|area|river"
    r"|school|university|band|player|author|artist|organi[sz]ation)\b"
)

_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|hundred|thousand"
    r"|million|billion|half|dozen|first|second|third)\b",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b(?:1\d{3}|20\d{2}|\d{1,2}(?:st|nd|rd|th)|January|February|March|April|May|June|July|August"
    r"|September|October|November|December|century|Monday|Tuesday|Wednesday|Thursday|Friday"
    r"|Saturday|Sunday)\b"
)
_NAME = re.compile(r"(?<=[^.!?\s] )\b[A-Z][\w'’-]+|(?<=[^.!?] )[A-Z][\w'’-]+")
_PUNCTUATION = ".,;:!?\"'()[]{}«»“”‘’"

NEUTRAL = 0.5


def asks_for_a_fact(question: str) -> bool:
    """Whether a question wants a date, a number or a name rather than an explanation."""
    return _pattern(question.lower()) is not None


def expectation(question: str) -> Callable[[str], float]:
    """A function that says how well a sentence offers what is asked: 1, 0, or `NEUTRAL`.

    Words of the question itself are no answer to it.
    """
    asked = question.lower()
    pattern = _pattern(asked)
    if pattern is None:
        return lambda _: NEUTRAL

    def offers(sentence: str) -> float:
        rest = [w for w in sentence.split() if w.strip(_PUNCTUATION).lower() not in asked]
        return 1.0 if pattern.search("· " + " ".join(rest)) else 0.0

    return offers


def _pattern(asked: str) -> re.Pattern[str] | None:
    if _DATE_QUESTION.search(asked):
        return _DATE
    if _NUMBER_QUESTION.search(asked):
        return _NUMBER
    if _NAME_QUESTION.search(asked):
        return _NAME
    return None
