"""What kind of answer a question expects, and whether a sentence offers one: a small hint."""

import re
from collections.abc import Callable

from citewell.domain.words import WORD

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
_NAME = re.compile(r"(?<=[^.!?] )[A-Z][\w'’-]+")
# Words that are written large only because a sentence begins with them.
OPENERS = frozenset(
    re.findall(
        r"\w+",
        """
    a after all also although an and another any as at because before both but by despite
    during each either every few finally for from furthermore he her here his how however i if
    in it its later many more moreover most my no not of often on only other our she since so
    some such that the their then there therefore these they this those though through thus to
    today under until upon we were what when where which while who why with within you your
    als am auf aus bei das dem den der des die diese dieser dieses durch ein eine er es im ist
    man mit nach sie und von wir zu zum zur au aux avec ce cet cette ces dans de du elle elles
    en et il ils la le les leur nous on où par pour sa selon ses son un une vous al con del
    desde el ella ellos entre esta este las los para por se según su sus y da dal della di gli
    lo nel nella per questa questo si sono uno
        """,
    )
)
_PUNCTUATION = ".,;:!?\"'()[]{}«»“”‘’"

NEUTRAL = 0.5


def asks_for_a_fact(question: str) -> bool:
    """Whether a question wants a date, a number or a name rather than an explanation."""
    return _pattern(question.lower()) is not None


def expectation(question: str) -> Callable[[str], float]:
    """A function that says how well a sentence offers what is asked: 1, 0, or `NEUTRAL`.

    Words of the question itself are no answer to it.
    """
    asked = _words_of(question)
    pattern = _pattern(question.lower())
    if pattern is None:
        return lambda _: NEUTRAL

    def offers(sentence: str) -> float:
        words = _without_opener(sentence.split())
        rest = [word for word in words if not _words_of(word) <= asked]
        return 1.0 if pattern.search("· " + " ".join(rest)) else 0.0

    return offers


def _without_opener(words: list[str]) -> list[str]:
    """The words of a sentence from the first on that tells something by its capital letter."""
    first = next((n for n, word in enumerate(words) if any(map(str.isalnum, word))), 0)
    opens = words[first : first + 1] and words[first].strip(_PUNCTUATION).lower() in OPENERS
    return words[first + 1 :] if opens else words


def _words_of(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(text.lower()))


def _pattern(asked: str) -> re.Pattern[str] | None:
    if _DATE_QUESTION.search(asked):
        return _DATE
    if _NUMBER_QUESTION.search(asked):
        return _NUMBER
    if _NAME_QUESTION.search(asked):
        return _NAME
    return None
