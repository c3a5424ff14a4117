"""Questions about the conversation itself, answered from it and not from the documents.

Only a question that is nothing else is one: "What did I ask before?", "What did you say?".
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from citewell.domain.conversations import Exchange
from citewell.domain.words import FOOTNOTE

MOST_QUOTED = 600


@dataclass(frozen=True, slots=True)
class _Telling:
    """How a question is answered in one language."""

    question_was: str
    first_was: str
    answer_was: str
    questions_were: str
    nothing_yet: str


# How each language asks.
_ASKS: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    "en": {
        "asked_last": re.compile(
            r"what did i (?:just )?ask(?: you)?(?: before| last| just now| previously)?"
            r"|what (?:was|is) my (?:last|previous) question"
        ),
        "asked_first": re.compile(r"what did i ask(?: you)? first|what was my first question"),
        "answered": re.compile(
            r"what did you (?:just )?(?:say|answer|tell me)(?: before| last)?"
            r"|what (?:was|is) your (?:last|previous) answer"
        ),
        "all_of_it": re.compile(
            r"what (?:have|did) (?:we|i) (?:talk(?:ed)?|sp(?:eak|oken)) about(?: so far)?"
            r"|what have i asked(?: you)?(?: so far)?|what were my questions(?: so far)?"
        ),
    },
    "de": {
        "asked_last": re.compile(
            r"was habe ich (?:dich |sie )?(?:gerade |eben |vorhin |zuletzt |vorher )?gefragt"
            r"|was war meine (?:letzte|vorige|vorherige) frage"
        ),
        "asked_first": re.compile(
            r"was habe ich (?:dich |sie )?zuerst gefragt|was war meine erste frage"
        ),
        "answered": re.compile(
            r"was (?:hast du|haben sie) (?:gerade |eben |vorhin )?(?:gesagt|geantwortet)"
            r"|was war (?:deine|ihre) letzte antwort"
        ),
        "all_of_it": re.compile(
            r"worüber haben wir (?:bisher )?gesprochen"
            r"|was habe ich (?:bisher |alles |bisher alles )gefragt"
        ),
    },
    "fr": {
        "asked_last": re.compile(
            r"qu(?:['’]est[- ]ce que j['’]|['’])ai(?:-je)? demandé(?: avant)?"
            r"|quelle était ma (?:dernière question|question précédente)"
        ),
        "asked_first": re.compile(
            r"qu['’]ai-je demandé en premier|quelle était ma première question"
        ),
        "answered": re.compile(
            r"qu['’](?:as-tu|avez-vous) (?:dit|répondu)"
            r"|quelle était (?:ta|votre) dernière réponse"
        ),
        "all_of_it": re.compile(
            r"de quoi avons-nous parlé(?: jusqu['’]ici)?|quelles étaient mes questions"
        ),
    },
    "es": {
        "asked_last": re.compile(
            r"qué (?:te |le )?(?:pregunté|he preguntado)(?: antes)?"
            r"|cuál (?:fue|era) mi (?:última pregunta|pregunta anterior)"
        ),
        "asked_first": re.compile(
            r"qué (?:te |le )?pregunté primero|cuál (?:fue|era) mi primera pregunta"
        ),
        "answered": re.compile(
            r"qué (?:me )?(?:respondiste|dijiste|respondió|dijo)(?: antes)?"
            r"|cuál (?:fue|era) (?:tu|su) última respuesta"
        ),
        "all_of_it": re.compile(
            r"de qué (?:hemos hablado|hablamos)(?: hasta ahora)?"
            r"|cuáles (?:fueron|eran) mis preguntas"
        ),
    },
}
_TELLINGS: Mapping[str, _Telling] = {
    "en": _Telling(
        question_was="Your last question was: “{}”",
        first_was="Your first question that I still know was: “{}”",
        answer_was="My last answer was: “{}”",
        questions_were="You have asked:",
        nothing_yet="I have not answered anything yet.",
    ),
    "de": _Telling(
        question_was="Ihre letzte Frage war: „{}“",
        first_was="Ihre erste Frage, die ich noch kenne, war: „{}“",
        answer_was="Meine letzte Antwort war: „{}“",
        questions_were="Sie haben gefragt:",
        nothing_yet="Ich habe noch nichts geantwortet.",
    ),
    "fr": _Telling(
        question_was="Votre dernière question était : « {} »",
        first_was="Votre première question que je connais encore était : « {} »",
        answer_was="Ma dernière réponse était : « {} »",
        questions_were="Vous avez demandé :",
        nothing_yet="Je n’ai encore rien répondu.",
    ),
    "es": _Telling(
        question_was="Su última pregunta fue: «{}»",
        first_was="Su primera pregunta que aún conozco fue: «{}»",
        answer_was="Mi última respuesta fue: «{}»",
        questions_were="Usted ha preguntado:",
        nothing_yet="Todavía no he respondido nada.",
    ),
}  # fmt: skip


def recalled(question: str, turns: Sequence[Exchange], summary: str = "") -> str | None:
    """What the conversation says to a question about itself; None for any other question.

    The summary is of the turns before, a line each; all questions are told from there on.

    Without a turn there is nothing to tell, and the question is one like any other.
    """
    plain = question.strip().strip("¿?!. \u00a0").lower()
    if not turns:
        return None
    for language, asks in _ASKS.items():
        for way, pattern in asks.items():
            if pattern.fullmatch(plain):
                tell = _WAYS[way]
                said = tell(_TELLINGS[language], turns)
                return _with_earlier(said, summary) if tell is _every_question else said
    return None


def _last_question(telling: _Telling, turns: Sequence[Exchange]) -> str:
    return telling.question_was.replace("{}", _cut(turns[-1].question))


def _first_question(telling: _Telling, turns: Sequence[Exchange]) -> str:
    return telling.first_was.replace("{}", _cut(turns[0].question))


def _last_answer(telling: _Telling, turns: Sequence[Exchange]) -> str:
    said = next((one.answer for one in reversed(turns) if one.answer), "")
    if not said:
        return telling.nothing_yet
    return telling.answer_was.replace("{}", _cut(FOOTNOTE.sub("", said)))


def _every_question(telling: _Telling, turns: Sequence[Exchange]) -> str:
    return "\n".join([telling.questions_were, *(f"- {_cut(one.question)}" for one in turns)])


def _with_earlier(said: str, summary: str) -> str:
    """The list of questions with those of the summary before its own."""
    head, _, rest = said.partition("\n")
    return "\n".join([head, *(line.split(" → ")[0] for line in summary.splitlines()), rest])


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MOST_QUOTED else line[: MOST_QUOTED - 1] + "…"


_WAYS: Mapping[str, Callable[[_Telling, Sequence[Exchange]], str]] = {
    "asked_first": _first_question,
    "asked_last": _last_question,
    "answered": _last_answer,
    "all_of_it": _every_question,
}
