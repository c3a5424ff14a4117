"""Words taken over as they are: where a text stands in a passage word for word."""

import re
from collections.abc import Sequence

from citewell.domain.sentences import Span
from citewell.domain.words import WORD

# Fewer words stand everywhere.
LEAST_WORDS = 4
_QUOTED = re.compile(
    r"“([^“”]{8,2000})”|„([^„“”]{8,2000})[“”]|«([^«»]{8,2000})»|\"([^\"]{8,2000})\""
)


def find(words: str, text: str) -> Span | None:
    """Where `text` says exactly these words, whatever stands between them; None when it does not.

    Case and punctuation do not count. Fewer than `LEAST_WORDS` are not looked for, except in
    scripts without spaces.
    """
    wanted = [word.casefold() for word in WORD.findall(words)]
    if len(wanted) < LEAST_WORDS and sum(map(len, wanted)) < LEAST_WORDS * 4:
        return None
    tokens = list(WORD.finditer(text))
    # What joins the words is in none of them.
    said = "".join(f"\0{token[0].casefold()}" for token in tokens) + "\0"
    at = said.find("".join(f"\0{word}" for word in wanted) + "\0")
    if at < 0:
        return None
    first = said.count("\0", 0, at)
    return tokens[first].start(), tokens[first + len(wanted) - 1].end()


def quotations(text: str) -> list[str]:
    """What the text says that it quotes: what is long enough to be known, between marks."""
    found = ("".join(filter(None, one.groups())) for one in _QUOTED.finditer(text))
    return [quoted for quoted in found if len(WORD.findall(quoted)) >= LEAST_WORDS]


def holds_code(code: str, texts: Sequence[str]) -> bool:
    """Whether every line of the code stands in one of the texts, spaces aside."""
    bare = ["".join(text.split()) for text in texts]
    lines = ("".join(line.split()) for line in code.split("\n"))
    return all(any(line in text for text in bare) for line in lines if line)
