"""Whether a question leans on the one before it, and with which words.

A pronoun leans when nothing before it in its own question can be what it stands for: what is named
in another clause; for a pronoun that owns something also what is named in the same one, unless the
two are parts of one phrase ("the name of its founder"). When in doubt a question stands alone.
"""

from dataclasses import dataclass
from enum import StrEnum

from citewell.agent.follow_ups.tongues import ENGLISH, FRENCH, GERMAN, Tongue
from citewell.domain.words import WORD

# What a question may have beside its small words and still say nothing by itself.
MOST_BARE = 1
MOST_FRAGMENT = 6
_PLURALS = frozenset({"people", "men", "women", "children"})
_SPOKEN_TO = frozenset({"sie", "ihr", "ihre", "ihren", "ihrem", "ihnen"})
# Behind one of these a pronoun is what somebody has: "Which university has its origins …?"
_HAVING = frozenset({"has", "have", "had", "hat", "haben", "hatte", "hatten", "ont", "avait"})
_VERBS = ("ed", "ing")
MOST_BEFORE = 3
_MANY = frozenset({"they", "them", "their", "theirs", "these", "those"})


class Kind(StrEnum):
    """How a question leans."""

    STANDS_FOR = "stands for"
    OWNS = "owns"
    FRAGMENT = "fragment"
    BARE = "bare"


@dataclass(frozen=True, slots=True)
class Lean:
    """What leans, at `start`..`end` of the question: a pronoun, or what follows the opening."""

    kind: Kind
    start: int
    end: int
    tongue: Tongue


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int

    @property
    def low(self) -> str:
        return self.text.lower()


def lean(question: str, tongue: Tongue) -> Lean | None:
    """How the question leans; None when it stands alone."""
    opened = tongue.opening.match(question)
    start = opened.end() if opened else 0
    words = [_Word(m.group(), m.start(), m.end()) for m in WORD.finditer(question, start)]
    if not words:
        return None
    found = _pronoun(question, words, tongue)
    if found:
        return found
    end = words[-1].end
    if opened and _is_fragment(words, tongue):
        return Lean(Kind.FRAGMENT, words[0].start, end, tongue)
    if _is_bare(words, tongue):
        return Lean(Kind.BARE, words[0].start, end, tongue)
    return None


def _is_fragment(words: list[_Word], tongue: Tongue) -> bool:
    """Whether what follows an opening is no question of its own."""
    asks = words[0].low in tongue.asking | tongue.helping
    # "Was ist mit dem Preis?", but not "Was ist mit Kräften verbunden?"
    last = words[-1].text[0]
    names = tongue is not GERMAN or last.isupper() or last.isdigit()
    return not asks and names and len(words) <= MOST_FRAGMENT


def _is_bare(words: list[_Word], tongue: Tongue) -> bool:
    """Whether a question only asks: "Since when?", "How expensive?", but not "Who is Ada?"."""
    named = [n for n, one in enumerate(words) if _is_content(one, tongue)]
    asks = any(one.low in tongue.asking for one in words)
    begins = words[0].low in tongue.asking | tongue.linking | tongue.joining
    if not (asks and begins) or len(named) > MOST_BARE or len(words) > MOST_FRAGMENT:
        return False
    has_article = any(one.low in tongue.articles for one in words)
    has_name = any(_is_name(n, one, tongue) for n, one in enumerate(words))
    return not (has_article or has_name or any(_is_subject(n, words, tongue) for n in named))


def _is_subject(n: int, words: list[_Word], tongue: Tongue) -> bool:
    # "What is photosynthesis?" names it behind the verb; "How expensive?" has none.
    return n > 0 and words[n - 1].low in tongue.helping


def _pronoun(question: str, words: list[_Word], tongue: Tongue) -> Lean | None:
    for n, word in enumerate(words):
        kind = _kind(n, words, tongue)
        if kind is None or _means_nothing(question, word, tongue):
            continue
        if not _is_held(words, n, question, kind, tongue):
            return Lean(kind, word.start, word.end, tongue)
    return None


def _kind(n: int, words: list[_Word], tongue: Tongue) -> Kind | None:
    word = words[n].low
    last = n == len(words) - 1
    if words[n].text[0].isupper() and (n > 0 or (tongue is GERMAN and word in _SPOKEN_TO)):
        return None  # A name, or whoever is spoken to.
    if last and n > 0 and word in tongue.closing:
        return Kind.STANDS_FOR
    if word in tongue.owning and not last and _names(words[n + 1], tongue):
        return Kind.OWNS
    if word in tongue.standing and not (word in tongue.helping and tongue is GERMAN):
        return Kind.STANDS_FOR
    before = words[n - 1].low if n else ""
    points = before in tongue.helping | tongue.linking or (tongue is not ENGLISH and n == 0)
    if word in tongue.pointing and points:
        return Kind.STANDS_FOR if last or not _names(words[n + 1], tongue) else Kind.OWNS
    return None


def _names(word: _Word, tongue: Tongue) -> bool:
    return word.low not in tongue.small or word.text[0].isupper()


def _means_nothing(question: str, word: _Word, tongue: Tongue) -> bool:
    return any(
        one.start() <= word.start and word.end <= one.end()
        for one in tongue.empty.finditer(question)
    )


def _is_held(words: list[_Word], at: int, question: str, kind: Kind, tongue: Tongue) -> bool:
    """Whether something in the question can be what the pronoun stands for."""
    if tongue is FRENCH and question[words[at].start - 1 :].startswith("-"):
        # "Pourquoi le ciel est-il bleu ?": what stands before the verb is meant.
        return any(_is_thing(n, words, tongue) for n in range(at))
    edges = [n for n in range(1, at) if _is_boundary(n, words, question, tongue)]
    if edges and sum(_is_content(one, tongue) for one in words[: edges[-1]]) >= MOST_BEFORE:
        return True
    if words[0].low in tongue.joining and any(
        _is_name(n, words[n], tongue) for n in range(at + 1, len(words))
    ):
        return True  # "Before he died, what did Tesla …?"
    holders = [n for n in range(at) if _can_hold(n, words, words[at].low, tongue)]
    return any(
        (edges and n < edges[-1])
        or question.startswith(("'s", "’s"), words[n].end)
        or (kind is Kind.OWNS and _is_owner(n, at, words, tongue))
        for n in holders
    )


def _is_owner(n: int, at: int, words: list[_Word], tongue: Tongue) -> bool:
    """Whether word `n` can own what follows the pronoun in the same clause."""
    between = words[_end_of_phrase(n, at, words, tongue) : at]
    before = words[at - 1]
    # "files its taxes": what a verb does is done by somebody; "has its origins".
    governed = at > n + 1 and (_is_content(before, tongue) or before.low in _HAVING)
    return governed or any(_is_content(one, tongue) for one in between)


def _is_thing(n: int, words: list[_Word], tongue: Tongue) -> bool:
    has_article = n > 0 and words[n - 1].low in tongue.articles
    return _is_name(n, words[n], tongue) or (has_article and _is_content(words[n], tongue))


def _is_boundary(n: int, words: list[_Word], question: str, tongue: Tongue) -> bool:
    """Whether another clause begins with word `n`."""
    comma = n > 0 and "," in question[words[n - 1].end : words[n].start]
    return comma or words[n].low in tongue.joining


def _is_content(word: _Word, tongue: Tongue) -> bool:
    return word.low not in tongue.small


def _can_hold(n: int, words: list[_Word], pronoun: str, tongue: Tongue) -> bool:
    word, before = words[n], words[n - 1].low if n else ""
    if _is_name(n, word, tongue):
        return True
    if word.low in tongue.small:
        # "Which team changed its name?", "Who lost his head?"
        return word.low in tongue.person
    if before not in tongue.articles | tongue.helping | tongue.asking:
        return False
    return tongue is not ENGLISH or (pronoun in _MANY) == _is_plural(word.low)


def _is_plural(word: str) -> bool:
    return word in _PLURALS or (word.endswith("s") and not word.endswith(("ss", "us", "is")))


def _is_name(n: int, word: _Word, tongue: Tongue) -> bool:
    """Written large, and not only because a question begins with it."""
    if not word.text[0].isupper() or word.text == "I":
        return False
    return n > 0 or word.low not in tongue.small


def _end_of_phrase(n: int, at: int, words: list[_Word], tongue: Tongue) -> int:
    """Where the phrase ends that word `n` begins: what follows it without a small word or verb.

    A name ends with its last word that is written large.
    """
    end, is_name = n + 1, words[n].text[0].isupper()
    while end < at and _is_content(words[end], tongue):
        word = words[end]
        if word.low.endswith(_VERBS) or (is_name and not word.text[0].isupper()):
            break
        end += 1
    return end
