"""What has to be the same for an answer to be the same: who asks of what, and what is asked."""

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from citewell.domain.ids import CollectionId
from citewell.domain.principal import Principal
from citewell.domain.run_events import Question


@dataclass(frozen=True, slots=True)
class Key:
    """`scope` is a digest of all but the question, `text` the question as it is compared."""

    scope: str
    text: str


def is_plain(question: Question) -> bool:
    """Whether a question is its text, of its collections, and nothing beside.

    What was said before makes an answer one of its conversation, and so does all else that a
    question may come to be asked with.
    """
    plain = Question(question.text, question.collections, run_id=question.run_id)
    return question == plain and bool(question.collections)


def key_of(
    principal: Principal,
    question: Question,
    heads: Mapping[CollectionId, int],
    configuration: str,
) -> Key | None:
    """The key of a question; None unless it is plain and the caller sees all its collections.

    `heads` are the last change numbers of those that the caller sees.
    """
    if not is_plain(question) or not heads.keys() >= set(question.collections):
        return None
    scope = orjson.dumps(
        [
            configuration,
            str(principal.tenant_id),
            principal.role.name,
            sorted(principal.scopes),
            [[str(one), heads[one]] for one in question.collections],
        ]
    )
    return Key(hashlib.sha256(scope).hexdigest(), normalised(question.text))


def normalised(text: str) -> str:
    """The text in one Unicode form and with single spaces; case stays, as it tells names."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def configuration_of(parts: Mapping[str, object]) -> str:
    """A digest of all that an installation's answers depend on, given as JSON values."""
    told = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(told).hexdigest()
