"""One analyzer for asking and for indexing: a pure function from text to terms.

Engines receive terms, not text, so that exchanging the engine does not change what matches.
Words are runs of Unicode letters, digits *and combining marks* (without the marks, Hindi, Thai and
vocalised Arabic fall apart), in their compatible composed form (NFKC): the ligatures and
presentation forms of a PDF are the letters that somebody types. They are stemmed by Snowball for
the document's language; scripts without spaces become bigrams; identifiers are kept whole and in
parts.
"""

import re
import unicodedata
from functools import lru_cache

import Stemmer

from citewell.domain.documents import TextKind
from citewell.domain.words import WORD

_SNOWBALL = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "es": "spanish", "eu": "basque", "fi": "finnish", "fr": "french",
    "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch", "no": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish",
    "ta": "tamil", "tr": "turkish",
}  # fmt: skip

# Languages that write compounds as one word: their long words are also found by parts.
_COMPOUNDING = frozenset({"de", "nl", "sv", "da", "no", "fi", "hu"})
GRAM = 4

_ARTICLES_AND_LIKE = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then"
    " there these they this to was will with"
)
_ASKING = (
    "what which who whom when where why how do does did has have had can could would should may"
    " might been being were am i you he she we me my your his her its our from about than so some"
    " any all each more most other"
)
STOP_WORDS = frozenset(_ARTICLES_AND_LIKE.split())
QUESTION_WORDS = STOP_WORDS | frozenset(_ASKING.split())

_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
    r"\U00020000-\U0003ffff]+"
)
# Hyphens and joiners that say where a word may be broken, not where it ends.
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200d\u2060\ufeff]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_HAS_CAMEL = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2}[a-z]")
_COMPOSED_NAME = re.compile(r"\b(?:[A-Z][a-z]{2,}){2,}\b")
MAX_WORD = 100


def analyze(
    text: str, *, language: str = "", kind: TextKind = TextKind.PROSE, question: bool = False
) -> list[str]:
    """The terms of `text`, in order, with repeats.

    `language` is a code of ISO 639-1; unknown ones are not stemmed. `question` drops the words
    that only ask. A text without words has no terms.
    """
    stop = _stop_words(language, question=question)
    # In prose "TechCrunch" is one name: asked for with its parts it would count three times.
    parts = kind is TextKind.CODE or not question
    words = [w for w in _words(text, parts=parts) if w not in stop]
    if question and not words:
        # "What is it?" still asks for something.
        words = _words(text, parts=parts)
    stems = _stems(words, "en" if kind is TextKind.CODE and not language else language)
    if language in _COMPOUNDING:
        stems += [gram for stem in stems for gram in _grams(stem)]
    return stems


def name_parts(text: str, *, language: str = "") -> list[str]:
    """The terms inside names that are written as one word: get, user and name of getUserName."""
    # "TechCrunch" and "YouTube" are names of one thing, not of a tech and a crunch.
    text = _COMPOSED_NAME.sub(" ", text)
    whole = _words(text, parts=False)
    stop = _stop_words(language, question=True)
    seen = set(whole)
    return _stems([w for w in _words(text, parts=True) if w not in seen | stop], language)


def is_identifier_like(text: str) -> bool:
    """Whether a question consists mostly of names as programs write them."""
    words = WORD.findall(text)
    marked = [w for w in words if "_" in w.strip("_") or _HAS_CAMEL.search(w) or _mixes(w)]
    return bool(words) and len(marked) * 2 >= len(words)


def _words(text: str, *, parts: bool) -> list[str]:
    out: list[str] = []
    for word in WORD.findall(_composed(text)):
        lowered = word.lower()
        if not word.isascii() and _UNSPACED.search(word):
            out += [part for part in _bigrams(lowered) if len(part) <= MAX_WORD]
            continue
        if len(word) > MAX_WORD:
            continue
        out.append(lowered)
        if parts and ("_" in word or _HAS_CAMEL.search(word)):
            split = [p.lower() for piece in word.split("_") for p in _CAMEL.split(piece) if p]
            if len(split) > 1 or split != [lowered]:
                out += split
    return out


def _composed(text: str) -> str:
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))


def _bigrams(word: str) -> list[str]:
    out: list[str] = []
    end = 0
    for run in _UNSPACED.finditer(word):
        if run.start() > end:
            out.append(word[end : run.start()])
        piece = run.group()
        out += [piece[i : i + 2] for i in range(max(1, len(piece) - 1))]
        end = run.end()
    if end < len(word):
        out.append(word[end:])
    return out


def _grams(stem: str) -> list[str]:
    if len(stem) <= GRAM or not stem.isalpha():
        return []
    return [f"{stem[i : i + GRAM]}~" for i in range(len(stem) - GRAM + 1)]


def _stems(words: list[str], language: str) -> list[str]:
    stemmer = _stemmer(language)
    return list(stemmer.stemWords(words)) if stemmer else words


@lru_cache(maxsize=64)
def _stemmer(language: str) -> Stemmer.Stemmer | None:
    algorithm = _SNOWBALL.get(language)
    return Stemmer.Stemmer(algorithm, 0) if algorithm else None


def _stop_words(language: str, *, question: bool) -> frozenset[str]:
    if language not in {"en", ""}:
        return frozenset()
    return QUESTION_WORDS if question else STOP_WORDS


def _mixes(word: str) -> bool:
    return any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
