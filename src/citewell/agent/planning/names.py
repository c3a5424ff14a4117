"""Names in passages that could be what a question describes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from citewell.agent.planning.through import Through
from citewell.domain.expected import OPENERS
from citewell.domain.passages import Passage
from citewell.domain.sentences import sentences
from citewell.domain.words import WORD

MOST_NAMES = 2
# Where the description is looked for: behind these, a passage is there by chance.
PASSAGES_READ = 5
# A passage speaks of a thing when this share of the thing's words stands in it.
SPEAKS_OF = 0.75
NEAR_BEST = 0.7
STEM = 5
# How far from the word that tells the role a name stands that is meant by it, in characters.
REACH = 120.0

_SMALL = r"(?:of|the|de|la|le|du|von|van|der|den|di|da|al|bin|ibn|y|e|zu)"
_LARGE = r"(?:[A-ZÀ-ÖØ-ÞĀ-ſΑ-ΩА-Я][\w’'.-]*\w|[A-Z]\.)"
_NAME = re.compile(rf"{_LARGE}(?:\s+(?:{_SMALL}\s+){{0,2}}{_LARGE}){{0,5}}")
# Written large and nobody's name.
_NO_NAME = re.compile(
    r"january|february|march|april|may|june|july|august|september|october|november|december"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday|english|american|british|french"
    r"|german|italian|spanish|russian|indian|canadian|australian"
)
# Words that tell the role where its own does not stand.
_TOLD_BY = {
    "father": ("father", "son of", "daughter of", "child of", "born to"),
    "mother": ("mother", "son of", "daughter of", "child of", "born to", " and "),
    "parent": ("father", "mother", "son of", "daughter of", "born to"),
    "husband": ("husband", "married", "marri", "wife of", "spouse", "widow of"),
    "wife": ("wife", "married", "marri", "husband of", "spouse"),
    "spouse": ("husband", "wife", "married", "marri", "spouse"),
    "child": ("son", "daughter", "child", "father of", "mother of"),
    "son": ("son", "father of", "mother of"),
    "daughter": ("daughter", "father of", "mother of"),
    "brother": ("brother", "sibling"),
    "sister": ("sister", "sibling"),
    "director": ("directed by", "direct"),
    "composer": ("compos", "music by", "music is by", "score"),
    "performer": ("perform", "sung by", "single by", "song by", "recorded by", "released by"),
    "singer": ("sung", "singer", "song by", "single by", "recorded by"),
    "author": ("author", "written by", "novel by", "book by", "wrote"),
    "writer": ("written by", "wrote", "writer"),
    "artist": ("by", "artist"),
    "founder": ("founded", "founder", "established", "started"),
    "owner": ("owned", "owner", "belongs to"),
    "developer": ("developed", "developer"),
    "manufacturer": ("manufactur", "made by", "built by"),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name that stands in passage number `passage`, and how well its place fits."""

    name: str
    passage: int
    score: float


def names_for(described: Through, passages: Sequence[Passage]) -> tuple[Candidate, ...]:
    """The names that passages give for a description, the likeliest first, `MOST_NAMES` at most.

    () where no passage speaks of the thing that is described from.
    """
    known = _words(f"{described.before} {described.described} {described.after}")
    titles = {" ".join(WORD.findall(passage.title.lower())) for passage in passages}
    best: dict[str, Candidate] = {}
    for number, passage in enumerate(passages[:PASSAGES_READ]):
        if not speaks_of(passage, described.thing):
            continue
        for name, near in _named(passage, described.role):
            words = _words(name)
            if not words or words <= known or all(map(_NO_NAME.fullmatch, words)):
                continue
            # A name that is a document's own title leads somewhere.
            leads = 0.5 if " ".join(WORD.findall(name.lower())) in titles else 0.0
            one = Candidate(name, number, near + leads - 0.1 * number)
            if name not in best or best[name].score < one.score:
                best[name] = one
    told = sorted(best.values(), key=lambda one: -one.score)
    likely = [one for one in told if one.score > max(0.0, NEAR_BEST * told[0].score)]
    return tuple(_distinct(likely)[:MOST_NAMES])


def mentions(text: str, name: str) -> bool:
    """Whether a text speaks of somebody of this name: by all of it, or by its last word."""
    words, said = WORD.findall(name.lower()), _words(text)
    return bool(words) and (set(words) <= said or words[-1] in said)


def speaks_of(passage: Passage, thing: str) -> bool:
    """Whether most of the thing's words stand in the passage."""
    wanted = _words(thing)
    held = len(wanted & _words(f"{passage.title} {passage.text}"))
    return bool(wanted) and held >= SPEAKS_OF * len(wanted)


def _named(passage: Passage, role: str) -> Iterator[tuple[str, float]]:
    """Every name with how near it stands to a word that tells the role: 1 is beside it."""
    stems = _TOLD_BY.get(role, (role[:STEM],))
    for start, end in sentences(passage.text):
        said = passage.text[start:end]
        places = [end for stem in stems for end in _ends(said.lower(), stem)]
        for match in _NAME.finditer(said):
            name = _without_opener(match[0])
            if not name:
                continue
            yield name, max((_near(place, match) for place in places), default=0.0)


def _ends(text: str, stem: str) -> Iterator[int]:
    at = text.find(stem)
    while at >= 0:
        yield at + len(stem)
        at = text.find(stem, at + 1)


def _near(place: int, match: re.Match[str]) -> float:
    """A name behind the word is likelier meant than one before it."""
    away = match.start() - place if match.start() >= place - 1 else 40 + place - match.end()
    return max(0.0, 1 - away / REACH)


def _without_opener(name: str) -> str:
    words = name.split()
    while words and words[0].lower().rstrip(".") in OPENERS:
        words = words[1:]
    return " ".join(words).rstrip(".")


def _distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Without names that are a part of a likelier one."""
    kept: list[Candidate] = []
    for one in candidates:
        if not any(_words(one.name) <= _words(other.name) for other in kept):
            kept.append(one)
    return kept


def _words(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(text.lower()))
