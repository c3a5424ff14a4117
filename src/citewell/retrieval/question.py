"""What a question is to a collection: its language, its terms, and how much meaning counts."""

from collections.abc import Mapping
from dataclasses import dataclass

from citewell.domain.documents import TextKind
from citewell.index.analyzer import analyze, is_identifier_like, name_parts
from citewell.index.index import Keys, Terms
from citewell.index.languages import NON_LATIN, detect_language
from citewell.retrieval.views import Profile

# The share of the cosine in the fused score. Each was chosen over fifteen collections; see
# docs/decisions on fusion. The rest belongs to the words.
EVEN = 0.5
CLAIM = 0.6
FOREIGN_LATIN = 0.25
FOREIGN_SCRIPT = 0.0
IDENTIFIERS = 0.3
CLAIM_WORDS = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """A question analysed for one collection; `weight` is the share of the cosine, 0–1.

    `proposed` is what its terms find there, ascending, once somebody has looked.
    """

    text: str
    language: str
    kind: TextKind
    terms: Terms
    weight: float
    proposed: Keys | None = None


def ask(text: str, profile: Profile, trained_for: frozenset[str]) -> Asked:
    """Analyse a question as the collection's texts were analysed.

    `trained_for` are the embedder's languages, empty for any.
    """
    kind = _kind(profile.kinds)
    # Programs are analysed without a language, and so are questions about them.
    language = "" if kind is TextKind.CODE else _language(text, profile.languages)
    words = analyze(text, language=language, kind=kind, question=True)
    parts = () if kind is TextKind.CODE else name_parts(text, language=language)
    weight = _weight(text, language, trained_for)
    return Asked(text, language, kind, Terms(words, parts=parts), weight)


def language_of(question: str) -> str:
    """The language of a question (ISO 639-1), "" when nothing speaks for any."""
    return detect_language(question)


def _kind(kinds: Mapping[str, int]) -> TextKind:
    code = kinds.get(TextKind.CODE.value, 0)
    return TextKind.CODE if code * 2 > sum(kinds.values()) else TextKind.PROSE


def _language(text: str, languages: Mapping[str, int]) -> str:
    total = sum(languages.values())
    # A stray document must not make every short question ambiguous.
    common = [code for code, count in languages.items() if code and count * 50 >= total]
    if not common:
        return detect_language(text)
    return detect_language(text, common) or common[0]


def _weight(text: str, language: str, trained_for: frozenset[str]) -> float:
    if trained_for and language and language not in trained_for:
        return FOREIGN_SCRIPT if language in NON_LATIN else FOREIGN_LATIN
    if is_identifier_like(text):
        return IDENTIFIERS
    return CLAIM if _is_claim(text) else EVEN


def _is_claim(text: str) -> bool:
    """A sentence that states something looks for what means the same; its words may differ."""
    return (
        not text.rstrip(" \n\"'”’»)").endswith(("?", "？", "؟"))
        and len(text.split()) >= CLAIM_WORDS
    )
