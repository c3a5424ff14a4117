"""Which language a text is in, from its script and its commonest words.

Only what the analyzer needs to choose a stemmer: a code of ISO 639-1, or "" when unsure.
"""

import re
from collections import Counter
from collections.abc import Collection
from functools import cache

SAMPLE = 4000

# The commonest function words of each language that are rare in the others; own selection.
_COMMON = {
    "en": "the of and to in is that for it was as with on are this by be from at which or has have"
    " what how when who where does why do did can its into their not a an he his she her they you"
    " we were been but will would more all about also than these after first",
    "de": "der die das und ist nicht ein eine zu den mit von auf für im dem des sich auch als wird"
    " wurde werden wie was wer wann wo warum welche welcher aus bei nach durch zum zur oder",
    "fr": "le la les des et est une dans pour que qui sur pas par plus avec ce cette sont du au aux"
    " ont été comment quand quel quelle où pourquoi ou ses leur",
    "es": "el la los las de que y en un una es por con para del se su no al lo como más fue qué"
    " quién cuándo dónde cuál cómo son sus entre desde",
    "it": "il di che è la e un una per non sono con del della dei nel alla si da le gli come anche"
    " più chi quando dove quale perché cosa ha i delle",
    "pt": "o a os as de que e em um uma é por com para do da não se mais como foi dos das no na"
    " qual quem quando onde são ao pelo",
    "nl": "de het een en van is dat in op te zijn met voor niet aan er ook als door wordt bij naar"
    " wie wat waar wanneer hoe welke of werd deze",
    "sv": "och det att i en är som på för med inte av den till har om ett var vad vem när hur de",
    "da": "og det at i en er som på for med ikke af den til har om et var hvad hvem hvornår de",
    "no": "og det at i en er som på for med ikke av den til har om et var hva hvem når hvor",
    "fi": "ja on ei se että oli joka mutta myös ovat kun kuin tai hän mikä kuka milloin missä sen",
    "ro": "și în de la cu pe nu este care un o din a fost sunt prin pentru mai ce cine când unde",
    "hu": "a az és hogy nem is egy van volt ez meg de ki mi mikor hol milyen csak mint",
    "tr": "ve bir bu da de için ile çok ne olarak daha olan gibi kim nerede hangi kadar en",
    "pl": "i w na nie się z do jest to że co jak od po jego czy kto kiedy gdzie która który",
    "cs": "a v na je se že to s z do byl jako ale kdo kdy kde která který nebo pro",
    "vi": "và của là có trong được cho các một những với không người này đã ai khi nào ở",
    "id": "yang dan di dengan untuk ini itu dari dalam tidak pada adalah apa siapa kapan oleh",
}

# Ranges of scripts that decide the language, or the family that shares an analyzer.
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u3400-\u9fff]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("ta", re.compile(r"[\u0b80-\u0bff]")),
    ("el", re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("hy", re.compile(r"[\u0530-\u058f]")),
)
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
# What follows an apostrophe belongs to the word: the s of "nobody's" is not Czech.
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")

# A word counts for a language in inverse proportion to how many languages use it.
_WEIGHTS: dict[str, dict[str, float]] = {}
_USES = Counter(word for words in _COMMON.values() for word in set(words.split()))
for _language, _words in _COMMON.items():
    for _word in set(_words.split()):
        _WEIGHTS.setdefault(_word, {})[_language] = 1.0 / _USES[_word]

NON_LATIN = frozenset(language for language, _ in _SCRIPTS)


def detect_language(text: str, among: Collection[str] = ()) -> str:
    """The language of the first `SAMPLE` characters, "" when nothing speaks for any.

    With `among`, only those are considered, and the only one wins without further evidence.
    """
    sample = text[:SAMPLE]
    script = _script(sample)
    if script:
        return script
    votes: Counter[str] = Counter()
    for word in _WORD.findall(sample.lower()):
        for language, weight in _WEIGHTS.get(word, {}).items():
            if not among or language in among:
                votes[language] += weight  # type: ignore[assignment]  # Counter adds floats too
    if not votes:
        return next(iter(among)) if len(among) == 1 else ""
    return votes.most_common(1)[0][0]


@cache
def common_words(language: str) -> frozenset[str]:
    """The commonest function words of a language, lower case; none of one that is not known."""
    return frozenset(_COMMON.get(language, "").split())


def _script(sample: str) -> str:
    latin = len(_LATIN.findall(sample))
    counts = [(len(pattern.findall(sample)), code) for code, pattern in _SCRIPTS]
    # Japanese is written with Chinese characters between its own.
    if counts[0][0] and counts[0][0] * 10 >= counts[2][0]:
        counts[0] = (counts[0][0] + counts[2][0], "ja")
        counts[2] = (0, "zh")
    most, code = max(counts)
    # A character of a dense script says as much as three letters.
    weight = 3 if code in {"zh", "ja", "ko"} else 1
    return code if most * weight > latin else ""
