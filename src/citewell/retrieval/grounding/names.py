"""Names in a text: what is written large where nothing else makes it so.

In German every noun is written large, so there only two large words in a row are a name.
"""

import re
import unicodedata
from collections.abc import Iterator

from citewell.domain.sentences import Span
from citewell.index.languages import common_words

_TOKEN = re.compile(r"[^\W_]+(?:[’'.&-][^\W_]+)*")
# Where a sentence, a quotation or a part of it begins, the first word is large anyway.
_ENDS = frozenset(".:!?…|–—;")
_OPENS = frozenset('\n"“„«([')
_BETWEEN = " \t\r\u00a0*_" + "".join(_OPENS)
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]{2,}")
_UNCASED = frozenset({"zh", "ja", "ko", "th", "ar", "he", "hi", "ta"})
# Letters whose stroke is no accent to Unicode.
_UNDIVIDED = str.maketrans("łøđħı", "lodhi")
NOUNS_ARE_LARGE = frozenset({"de"})
JOINED = 2
LOOK_BACK = 8


def names_of(text: str, language: str) -> list[list[Span]]:
    """Where names stand, each as the words that make it."""
    if language in _UNCASED:
        return [[found.span()] for found in _LATIN.finditer(text)]
    tokens = [found.span() for found in _TOKEN.finditer(text)]
    return [_named(text, run, language) for run in _runs(text, tokens, language)]


def fold(word: str) -> str:
    """The word without case, accents and a possessive ending."""
    bare = re.sub(r"['’]s?$", "", word.casefold())
    plain = unicodedata.normalize("NFKD", bare.translate(_UNDIVIDED))
    return "".join(c for c in plain if not unicodedata.combining(c))


def _runs(text: str, tokens: list[Span], language: str) -> Iterator[list[Span]]:
    """Large words in a row."""
    run: list[Span] = []
    for start, end in tokens:
        if run and text[run[-1][1] : start] not in {" ", "\u00a0"}:
            yield run
            run = []
        if _is_large(text[start:end], language):
            run.append((start, end))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _named(text: str, run: list[Span], language: str) -> list[Span]:
    """What of large words in a row is a name: at the beginning the first may be any word."""
    sure = run[1:] if _begins(text, run[0][0]) and not _is_shouted(text[slice(*run[0])]) else run
    if language in NOUNS_ARE_LARGE and len(sure) < JOINED:
        return [span for span in sure if _is_shouted(text[slice(*span)])]
    return sure


def _begins(text: str, at: int) -> bool:
    before = text[max(0, at - LOOK_BACK) : at]
    rest = before.rstrip(_BETWEEN)
    opened = not _OPENS.isdisjoint(before[len(rest) :])
    return opened or rest[-1:] in _ENDS or (not rest and at <= LOOK_BACK)


def _is_large(word: str, language: str) -> bool:
    return word[0].isupper() and word.lower() not in common_words(language) and len(word) > 1


def _is_shouted(word: str) -> bool:
    """NFL, iPhone, H2O."""
    return sum(c.isupper() for c in word) >= JOINED or any(c.isdigit() for c in word)
