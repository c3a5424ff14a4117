"""What a turn of a conversation was about: names first, else its weightiest words."""

import re
from itertools import takewhile

from citewell.agent.follow_ups.tongues import Tongue
from citewell.domain.conversations import Exchange
from citewell.domain.sentences import sentences
from citewell.domain.words import FOOTNOTE, WORD

MOST_NAMES = 3
MOST_FROM_ANSWER = 2
MOST_WORDS = 5
MOST_PHRASE = 3
# How a verb ends that stands behind its noun in a question.
_VERBS = ("ed", "ing", "built", "made", "held", "worn", "written", "founded")
_BETWEEN = frozenset(
    {"of", "the", "de", "la", "du", "des", "von", "der", "van", "del", "di", "da", "y"}
)


def names(text: str, tongue: Tongue) -> list[str]:
    """Words written large in a row, with what may stand between them, each name once."""
    found: dict[str, None] = {}
    run: list[re.Match[str]] = []
    words = list(WORD.finditer(text))
    for n, word in enumerate(words):
        opens = n == 0 or text[: word.start()].rstrip().endswith((".", "!", "?", ":"))
        if _goes_on(text, run, word, opens=opens):
            run.append(word)
            continue
        _keep(found, text, run)
        run = [word] if _begins(word, opens=opens, tongue=tongue) else []
    _keep(found, text, run)
    return list(found)


def topics(turn: Exchange, tongue: Tongue) -> list[str]:
    """What a pronoun of the next question may stand for.

    The names of the question; when it asked for somebody or something, the first names of the
    answer that the question does not hold. Without a name, the words of the question.
    """
    asked = names(turn.question, tongue)[:MOST_NAMES]
    told = _told(turn, asked, tongue)
    return asked + told or _words(turn.question, tongue)


def _told(turn: Exchange, asked: list[str], tongue: Tongue) -> list[str]:
    if not turn.answered:
        return []
    text = FOOTNOTE.sub("", turn.answer)
    first = next((text[start:end] for start, end in sentences(text)), "")
    known = {word.lower() for name in asked for word in WORD.findall(name)}
    known |= {word.lower() for word in WORD.findall(turn.question)}
    found = [one for one in names(first, tongue) if not set(WORD.findall(one.lower())) & known]
    return found[:MOST_FROM_ANSWER]


def _words(question: str, tongue: Tongue) -> list[str]:
    """The first thing with an article ("the harbour bridge"), else the weightiest words."""
    words = WORD.findall(question)
    kept = [word for word in words if word.lower() not in tongue.small]
    for n, word in enumerate(words):
        if word.lower() in tongue.articles and (phrase := _phrase(words[n + 1 :], tongue)):
            return [phrase]
    return [" ".join(kept[:MOST_WORDS])] if kept else []


def _phrase(words: list[str], tongue: Tongue) -> str:
    phrase = list(takewhile(lambda word: word.lower() not in tongue.small, words))[:MOST_PHRASE]
    while len(phrase) > 1 and phrase[-1].endswith(_VERBS):
        phrase.pop()
    return " ".join(phrase)


def _begins(word: re.Match[str], *, opens: bool, tongue: Tongue) -> bool:
    text = word.group()
    return text[0].isupper() and text != "I" and not (opens and text.lower() in tongue.small)


def _goes_on(text: str, run: list[re.Match[str]], word: re.Match[str], *, opens: bool) -> bool:
    if not run or opens:
        return False
    gap = text[run[-1].end() : word.start()]
    if gap not in {" ", "-", "'", "’", ". ", " & ", "&"}:
        return False
    said = word.group()
    return said[0].isupper() or said.isdigit() or said.lower() in _BETWEEN


def _keep(found: dict[str, None], text: str, run: list[re.Match[str]]) -> None:
    while run and run[-1].group().lower() in _BETWEEN:
        run = run[:-1]
    if run and run[-1].group() in {"s", "S"}:
        run = run[:-1]
    if run:
        found.setdefault(text[run[0].start() : run[-1].end()])
