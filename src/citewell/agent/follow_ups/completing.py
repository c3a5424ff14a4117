"""Follow-up questions without a language model: completed from the turns before, for looking up.

"When was it built?" behind "Who designed the Harbour Bridge?" is looked for as "When was it built
(Harbour Bridge)?". What stands alone stays as it is.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from citewell.agent.follow_ups.leaning import Kind, Lean, lean
from citewell.agent.follow_ups.tongues import Tongue, tongue_of
from citewell.agent.follow_ups.topics import names, topics
from citewell.domain.conversations import Exchange
from citewell.domain.words import WORD

_YEAR = re.compile(r"\b(?:1\d{3}|20\d{2})\b")


def complete(question: str, turns: Sequence[Exchange]) -> str:
    """The question as it is to be looked for; the same when it stands alone, or nothing helps.

    The turns may themselves lean on those before them.
    """
    known: list[Exchange] = []
    for turn in turns:
        known.append(replace(turn, question=_completed(turn.question, known)))
    return _completed(question, known)


def _completed(question: str, known: Sequence[Exchange]) -> str:
    if not known:
        return question
    tongue = tongue_of(question)
    leaning = lean(question.strip(), tongue)
    if leaning is None:
        return question
    return _filled(question.strip(), leaning, known[-1])


def _filled(question: str, leaning: Lean, last: Exchange) -> str:
    tongue = leaning.tongue
    said = question[leaning.start : leaning.end]
    match leaning.kind:
        case Kind.FRAGMENT if (exchanged := _exchanged(said, last.question, tongue)) is not None:
            return exchanged
        case Kind.BARE if all(word.lower() in tongue.small for word in WORD.findall(said)):
            return f"{said} {_rest(last.question, tongue)}"
    about = topics(last, tongue_of(last.question))
    lacking = [one for one in about if one.lower() not in question.lower()]
    if not lacking:
        return question
    return _without_end(question) + f" ({', '.join(lacking)})?"


def _without_end(question: str) -> str:
    return question.rstrip().rstrip("?!.¿").rstrip()


def _exchanged(said: str, last: str, tongue: Tongue) -> str | None:
    """The last question with the fragment in the place of its like: a year, a name."""
    year, before = _YEAR.search(said), _YEAR.search(last)
    if year:
        if before:
            return last[: before.start()] + year.group() + last[before.end() :]
        return _without_end(last) + f" {said}?"
    named, held = names(f"- {said}", tongue), names(last, tongue_of(last))
    if named and held:
        return last.replace(held[-1], named[0])
    return None


def _rest(last: str, tongue: Tongue) -> str:
    """The last question without what it asked with."""
    words = list(WORD.finditer(last))
    first = next((one for one in words if one.group().lower() not in tongue.asking), None)
    return last[first.start() :] if first else last
