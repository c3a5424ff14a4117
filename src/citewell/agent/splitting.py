"""Questions inside a question: each is looked up and answered on its own."""

import re

MAX_PARTS = 4
MIN_WORDS = 3
# Two things of 80 characters, and the words between them.
MOST_COMPARED = 400

_SENTENCE = re.compile(r"(?<=[?？؟])\s+")
_ASKS = (
    r"(?:who|whom|whose|what|which|when|where|why|how|is|are|was|were|does|do|did|can"
    r"|wer|was|wann|wo|wie|warum|welche[rs]?)"
)
_AND_ASKS = re.compile(rf"(?:[,;]\s*|(?<!\s)\s+)(?:and|und|et|y)\s+(?={_ASKS}\b)", re.IGNORECASE)
_COMPARE = re.compile(
    r"^(?:what (?:is|are) the |name the |explain the )?(?:differences?|similarities) between\s++"
    r"(?P<a>.{2,80}?)\s++and\s++(?P<b>.{2,80}?)[?.]*$"
    r"|^(?:how (?:does|do) )?compare\s++"
    r"(?P<c>.{2,80}?)\s++(?:and|with|to)\s++(?P<d>.{2,80}?)[?.]*$",
    re.IGNORECASE,
)


def parts_of(question: str) -> tuple[str, ...]:
    """The questions to answer, the whole one first when it cannot be divided.

    A comparison is divided into what is compared, after the comparison itself.
    """
    whole = question.strip()
    compared = _COMPARE.match(whole) if len(whole) <= MOST_COMPARED else None
    if compared:
        sides = [side.strip() for side in compared.groups() if side]
        return (whole, *(f"What is {side}?" for side in sides))
    pieces = [p for s in _SENTENCE.split(whole) for p in _divided(s)]
    parts = [p.strip(" ,;") for p in pieces if len(p.split()) >= MIN_WORDS]
    if len(parts) < 2 or len(parts) > MAX_PARTS:
        return (whole,)
    return tuple(parts)


def _divided(sentence: str) -> list[str]:
    pieces = _AND_ASKS.split(sentence)
    # "Who is X and how old is he?" — a piece that leans on the other one is not a question alone.
    leans = any(re.search(r"\b(?:he|she|it|they|his|her|its|their)\b", p, re.I) for p in pieces[1:])
    return [sentence] if leans else pieces
