"""Questions that plainly need one look: a model that plans them would only take time."""

import re

from citewell.agent.planning.through import through
from citewell.agent.splitting import parts_of
from citewell.domain.words import WORD

MOST_WORDS = 14

_ASKS = re.compile(
    r"\s*+[¿¡]?\s*+(?:who|whom|whose|what|which|when|where|why|how|is|are|was|were|does|do|did|can"
    r"|wer|was|wann|wo|wie|warum|welche[rs]?|qui|que|quand|où|comment|qu['’]est|quel(?:le)?s?"
    r"|quién|qué|cuándo|dónde|cómo|cuál(?:es)?)\b",
    re.IGNORECASE,
)
# Words of comparing, adding up and going through all of something.
_MORE = re.compile(
    r"\b(?:and|or|both|than|compared?|versus|vs|differences?|similar\w*|same|older|younger|earlier"
    r"|later|first|longer|total|sum|average|mean|percent\w*|difference|ratio|all|each|every|between"
    r"|und|oder|beide|als|unterschied\w*|gesamt|summe|durchschnitt\w*|et|ou|deux|total|somme"
    r"|moyenne|y|o|ambos|suma|promedio)\b|[%+*/=]",
    re.IGNORECASE,
)


def is_plain(question: str) -> bool:
    """Whether it is short, asks one thing by its name, and compares or adds up nothing."""
    return (
        bool(_ASKS.match(question))
        and len(WORD.findall(question)) <= MOST_WORDS
        and not _MORE.search(question)
        and not through(question)
        and len(parts_of(question)) == 1
    )
