"""Whether a sentence denies something: words of negation, by language."""

import re

_NEGATIONS = {
    "en": "not no never none nobody nothing neither nor without cannot nowhere hardly unable",
    "de": "nicht kein keine keinen keinem keiner keines nie niemals niemand nichts weder ohne",
    "fr": "ne n pas jamais rien aucun aucune personne sans ni",
    "es": "no nunca jamás nada nadie ningún ninguna ninguno sin ni tampoco",
    "it": "non mai niente nulla nessuno nessuna senza",
    "pt": "não nunca nada ninguém nenhum nenhuma sem nem",
    "nl": "niet geen nooit niemand niets zonder noch",
    "ru": "не нет никогда ничего никто без ни",
    "ar": "لا لم لن ليس ليست غير دون بدون",
    "hi": "नहीं न मत बिना",
}
_WRITTEN = re.compile(r"[^\W\d_]+")
_CONTRACTED = re.compile(r"n['’]t\b", re.IGNORECASE)
_CHINESE = re.compile(r"[不没沒無无未]")
_WORDS = {language: frozenset(words.split()) for language, words in _NEGATIONS.items()}
_COMBINING = frozenset({"hi", "ar"})


def denials(text: str, language: str) -> int:
    """How often the text denies something; languages that are not known are read as English."""
    if language in {"zh", "ja"}:
        return len(_CHINESE.findall(text))
    known = _WORDS.get(language, _WORDS["en"])
    words = text.split() if language in _COMBINING else _WRITTEN.findall(text.lower())
    return sum(word.strip("،.।?!") in known for word in words) + len(_CONTRACTED.findall(text))
