"""What a person wanted kept in mind: told back to them, and put where a question leans on it.

"What does my car weigh?" of somebody who said "my car is a Widget 3" is looked for as "What does my
car weigh (a Widget 3)?".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from citewell.agent.follow_ups.tongues import tongue_of
from citewell.domain.conversations import Keeping, Noted

MOST_FILLED = 3
# "my team is Alpha": whose, what, and what it is.
_OWN = re.compile(
    r"\b(?P<whose>my|meine?[nmrs]?|mon|ma|mes|mis?)\s+(?P<what>[\w-]+(?:\s+[\w-]+){0,2}?)\s+"
    r"(?:is|are|ist|sind|heißt|est|sont|es|son)\s+(?P<is>[^.;!?]+)",
    re.IGNORECASE,
)
_ASKS_ALL = re.compile(
    r"what (?:do|did) you (?:know|remember|keep in mind)(?: about me)?"
    r"|was (?:weißt du|wissen sie|hast du dir|haben sie sich)(?: über mich)?(?: gemerkt)?"
    r"|que (?:sais-tu|savez-vous) (?:de|sur) moi|qué (?:sabes|sabe|recuerdas|recuerda) de mí"
)
_ASKS_ONE = re.compile(
    r"(?:what|who) (?:is|are) my (?P<en>.+)"
    r"|(?:was|wer|wie) (?:ist|sind|heißt) meine?[nmrs]? (?P<de>.+)"
    r"|(?:quel(?:le)?s?|qui) (?:est|sont) (?:mon|ma|mes) (?P<fr>.+)"
    r"|(?:cuál(?:es)?|quién(?:es)?) (?:es|son) mis? (?P<es>.+)"
)


@dataclass(frozen=True, slots=True)
class _Words:
    told: str
    kept: str
    no_consent: str
    full: str
    too_long: str


_WORDS: Mapping[str, _Words] = {
    "en": _Words(
        "You wanted me to keep in mind:",
        "I keep in mind: “{}”. You can see, change and delete it with `citewell memories`.",
        "I keep nothing in mind about you, because you have not agreed to it. You can with"
        " `citewell privacy consents --give memory`; then say it again.",
        "I keep as many facts about you as I may. Delete one with `citewell memories rm`.",
        "This is too long to be kept in mind. Say it in fewer words.",
    ),
    "de": _Words(
        "Das soll ich mir merken:",
        "Ich merke mir: „{}“. Mit `citewell memories` sehen, ändern und löschen Sie es.",
        "Ich merke mir nichts über Sie, weil Sie nicht zugestimmt haben. Das geht mit"
        " `citewell privacy consents --give memory`; sagen Sie es dann noch einmal.",
        "Ich merke mir schon so viel über Sie, wie ich darf. Löschen Sie etwas mit"
        " `citewell memories rm`.",
        "Das ist zu lang, um es mir zu merken. Sagen Sie es kürzer.",
    ),
    "fr": _Words(
        "Voici ce que je dois retenir :",
        "Je retiens : « {} ». `citewell memories` le montre, le change et l’efface.",
        "Je ne retiens rien sur vous, car vous n’y avez pas consenti. Vous pouvez le faire avec"
        " `citewell privacy consents --give memory` ; redites-le ensuite.",
        "Je retiens déjà tout ce que je peux. Effacez quelque chose avec `citewell memories rm`.",
        "C’est trop long pour être retenu. Dites-le plus brièvement.",
    ),
    "es": _Words(
        "Esto es lo que debo recordar:",
        "Lo recuerdo: «{}». Con `citewell memories` puede verlo, cambiarlo y borrarlo.",
        "No recuerdo nada sobre usted porque no lo ha consentido. Puede hacerlo con"
        " `citewell privacy consents --give memory`; dígalo después otra vez.",
        "Ya recuerdo todo lo que puedo. Borre algo con `citewell memories rm`.",
        "Es demasiado largo para recordarlo. Dígalo más breve.",
    ),
}


def acknowledged(noted: Noted, question: str) -> str:
    """What to say to somebody who wanted something kept in mind."""
    words = _WORDS[tongue_of(question).code]
    match noted.keeping:
        case Keeping.KEPT:
            return words.kept.replace("{}", noted.text)
        case Keeping.NO_CONSENT:
            return words.no_consent
        case Keeping.FULL:
            return words.full
        case Keeping.TOO_LONG:
            return words.too_long


def told_back(question: str, facts: Sequence[str]) -> str | None:
    """What is kept in mind, when the question asks for nothing else and something is known."""
    plain = question.strip().strip("¿?!. \u00a0").lower()
    chosen: Sequence[str] = ()
    if _ASKS_ALL.fullmatch(plain):
        chosen = facts
    elif one := _ASKS_ONE.fullmatch(plain):
        wanted = next(part for part in one.groups() if part)
        chosen = [fact for fact in facts if any(what == wanted for what, _ in _known([fact]))]
    if not chosen:
        return None
    return "\n".join([_WORDS[tongue_of(question).code].told, *(f"- {fact}" for fact in chosen)])


def filled(question: str, facts: Sequence[str]) -> str:
    """The question with what "my …" in it is; the same when no fact says so."""
    lowered = question.lower()
    found: dict[str, None] = {}
    for what, thing in _known(facts):
        named = re.search(rf"\b(?:my|meine?[nmrs]?|mon|ma|mes|mis?)\s+{re.escape(what)}\b", lowered)
        if named and thing.lower() not in lowered:
            found.setdefault(thing)
    if not found:
        return question
    return question.rstrip(" ?.") + f" ({', '.join(list(found)[:MOST_FILLED])})?"


def _known(facts: Sequence[str]) -> list[tuple[str, str]]:
    """(what, what it is), in the order of the facts; the newest comes first."""
    return [
        (one["what"].lower(), one["is"].strip()) for fact in facts if (one := _OWN.search(fact))
    ]
