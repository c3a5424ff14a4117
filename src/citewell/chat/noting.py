"""A fact in place of a question ("remember that …"), kept only when the person has agreed to it.

Only what somebody says to us is read for that, never an answer or a document.
"""

import re

from citewell.domain.conversations import Keeping, Noted
from citewell.domain.errors import ConflictError
from citewell.domain.ids import UserId
from citewell.domain.memories import CONSENT, MOST_CHARACTERS
from citewell.storage.transaction import Transaction

_ASKS = re.compile(
    r"(?:please[, ]+)?(?:remember|keep in mind)(?:\s+that\b|\s*:)"
    r"|(?:bitte[, ]+)?(?:merke? dir|merken sie sich)(?:\s*+(?:,\s*+)?dass\b|\s*+:)"
    r"|(?:souviens-toi|souvenez-vous|retiens|retenez)(?:\s+qu(?:e\b|['’])|\s*:)"
    r"|(?:recuerda|recuerde|ten en cuenta)(?:\s+que\b|\s*:)",
    re.IGNORECASE,
)


def fact_in(question: str) -> str | None:
    """The fact that is to be kept in mind; None for a question."""
    asks = _ASKS.match(question.strip())
    fact = question.strip()[asks.end() :].strip() if asks else ""
    return fact if fact and not fact.endswith("?") else None


async def note(tx: Transaction, user_id: UserId, question: str) -> Noted | None:
    """Keep the fact in the question, if there is one and it may be kept."""
    fact = fact_in(question)
    if fact is None:
        return None
    if len(fact) > MOST_CHARACTERS:
        return Noted(fact, Keeping.TOO_LONG)
    if not await tx.requests.has_agreed(user_id, CONSENT):
        return Noted(fact, Keeping.NO_CONSENT)
    try:
        await tx.memories.add(user_id, fact)
    except ConflictError:
        return Noted(fact, Keeping.FULL)
    return Noted(fact, Keeping.KEPT)
