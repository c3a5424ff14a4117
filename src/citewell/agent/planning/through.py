"""Questions about something that is named only by what it is to something else.

"Where was the director of Gaby born?" needs two looks: who directed Gaby, then where that person
was born. What is described is found by the form of the question alone, in English; a question of
any other form is one look.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A longer question is a story, not a description.
MOST_CHARACTERS = 400

_KIN = (
    "father|mother|parent|husband|wife|spouse|son|daughter|child|brother|sister|sibling|uncle|aunt"
    "|grandfather|grandmother|stepfather|stepmother|widow|widower|partner|twin"
)
_MAKERS = (
    "director|producer|writer|screenwriter|author|composer|performer|singer|lyricist|songwriter"
    "|artist|painter|sculptor|architect|designer|creator|inventor|discoverer|founder|co-founder"
    "|developer|manufacturer|maker|publisher|editor|translator|narrator|host|presenter|star"
    "|illustrator|photographer|builder"
)
_HEADS = (
    "owner|president|chairman|chairwoman|chair|chief|ceo|cto|cfo|head|leader|captain|coach|manager"
    "|mayor|governor|king|queen|emperor|prime minister|chancellor|minister|bishop|commander"
    "|principal|secretary|supervisor|maintainer|sponsor|teacher|successor|predecessor|employer"
    "|capital|headquarters|parent company|subsidiary|birthplace|hometown|namesake"
)
_ROLE = rf"(?:{_KIN}|{_MAKERS}|{_HEADS})"
# "the film", "the song": what kind of thing a name is, written small before it.
_KIND = r"(?:(?:the|a|an)\s+)?(?:(?!of\b)[a-z]+\s+){0,2}"
# A name begins large or with a digit; small words join two parts of it.
_LARGE = r"(?:[\"“'‘(]?[^\W_a-z][^\s?]*)"
_JOIN = r"(?:of|the|a|an|and|in|on|to|for|de|la|le|du|von|van|der|den|di|da|el|al|y)"
_NAME = rf"(?:{_LARGE}(?:\s+(?:{_JOIN}\s+){{0,2}}{_LARGE}){{0,9}})"

_OF = re.compile(
    rf"\b(?P<described>(?:the\s+)?(?:[a-z]+\s+)?(?P<role>{_ROLE})\s+of\s+{_KIND}(?P<thing>{_NAME}))"
)
_POSSESSED = re.compile(
    rf"(?P<described>(?P<thing>{_NAME})['’]s?\s+(?:[a-z]+\s+)?(?P<role>{_ROLE}))\b(?!-)"
)
_BEARER = (
    r"(?:company|firm|organi[sz]ation|agency|institute|university|school|museum|club|team|band|group"
    r"|person|man|woman|scientist|engineer|country|state|city|town|village|river|lake|island"
    r"|mountain|region|building|bridge|ship|film|book|song|album|product|device|project)"
)
_CLAUSE = re.compile(
    rf"\b(?P<described>(?:the|a|an)\s+(?P<role>{_BEARER})\s+(?:that|which|who|whom|where)\s+"
    rf"(?P<thing>[^,?]{{0,80}}?\b{_NAME}[^,?]{{0,40}}))"
)
# "Which film has the director who is older, A or B?" describes one of A and one of B.
_EITHER = re.compile(
    rf"\b(?P<role>{_ROLE})s?\s+(?:who\s+|that\s+)?(?P<rest>[a-z][^,?]{{2,60}}),\s+"
    r"(?P<a>[^?]{2,100}?)\s+or\s+(?P<b>[^?]{2,100}?)\s*\?*$"
)
_BOTH = re.compile(
    rf"\bboth\s+(?:[a-z]+\s+)?(?P<a>{_NAME})\s+and\s+(?P<b>{_NAME})\s+have\s+(?:the\s+|a\s+)?"
    rf"(?P<role>{_ROLE})s?\s+(?P<rest>[^?]{{2,60}})"
)
# What is left of the question must ask for more than the description's own name.
_ASKS_NOTHING = re.compile(
    r"who|what|which|is|was|are|were|the|a|an|name|of|whose|called|named|person|one|do|does|did|you"
    r"|me|tell|please|find|give|show|and|in"
)
_WORD = re.compile(r"\w{2,}")
_POSSESSIVE = re.compile(r"['’]s?$")


@dataclass(frozen=True, slots=True)
class Through:
    """A description inside a question; `role` is what it is to `thing`.

    `before` and `after` are the rest of the question.
    """

    described: str
    role: str
    thing: str
    before: str
    after: str

    @property
    def first(self) -> str:
        """What is to be found first."""
        return f"Who or what is {self.described}?"

    def asked_of(self, name: str) -> str:
        """The question with the name in the place of the description."""
        return f"{self.before}{name}{self.after}"


def through(question: str) -> tuple[Through, ...]:
    """What a question describes; () when everything in it is called by its name.

    One description, the innermost, or two of the same kind when two things are compared by them.
    """
    if len(question) > MOST_CHARACTERS:
        return ()
    for pattern in (_EITHER, _BOTH):
        if compared := pattern.search(question):
            return tuple(_side(compared, side) for side in ("a", "b"))
    found = [one for one in _descriptions(question) if _asks_more(one)]
    # The innermost has the least in it: "the wife of the director of X" waits for its director.
    return tuple(sorted(found, key=lambda one: len(one.described))[:1])


def _side(compared: re.Match[str], side: str) -> Through:
    role, thing = compared["role"].lower(), compared[side].strip(' ,"“”')
    return Through(f"the {role} of {thing}", role, thing, "", f" {compared['rest'].strip()}?")


def _descriptions(question: str) -> Iterator[Through]:
    for pattern in (_OF, _POSSESSED, _CLAUSE):
        for match in pattern.finditer(question):
            start, end = match.span("described")
            thing = _POSSESSIVE.sub("", match["thing"].strip(" ,.?\"“”'’"))
            described = question[start:end].rstrip(" ,.?")
            after = question[start + len(described) :]
            yield Through(described, match["role"].lower(), thing, question[:start], after)


def _asks_more(one: Through) -> bool:
    rest = _WORD.findall(f"{one.before} {one.after}".lower())
    return not all(map(_ASKS_NOTHING.fullmatch, rest))
