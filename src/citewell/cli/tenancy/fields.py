"""What the fields of requests name: the one thing that the contract does not tell."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import uuid4

from citewell.cli.tenancy.cast import Kind, new_word
from citewell.cli.tenancy.contract import Field, Operation, Schema


class Rule(Enum):
    """What a foreign thing in a field must do."""

    HIDDEN = "not found, in the same words as a missing one"
    UNFELT = "make no difference to a missing one"
    SILENT = "bring nothing foreign to light"


@dataclass(frozen=True, slots=True)
class Names:
    """The field names something; `once` where a second request would meet the first one's trace."""

    kind: Kind
    rule: Rule = Rule.HIDDEN
    wrap: Callable[[str], Any] = str
    once: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """The field names nothing; each request gets a new value."""

    make: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Own:
    """The field holds what only its owner can know."""

    kind: Kind


Meaning = Names | Value | Own


def _list(value: str) -> list[str]:
    return [value]


def _filter(value: str) -> dict[str, str]:
    return {"document_id": value}


_WORD = Value(new_word)
_USER = Names(Kind.USER)

MEANINGS: dict[str, Meaning] = {
    "collection_id": Names(Kind.COLLECTION),
    "collection": Names(Kind.COLLECTION),
    "collections": Names(Kind.COLLECTION, wrap=_list),
    "document_id": Names(Kind.DOCUMENT),
    "version": Names(Kind.VERSION),
    "job_id": Names(Kind.JOB),
    "conversation_id": Names(Kind.CONVERSATION),
    "conversation": Names(Kind.CONVERSATION),
    "memory_id": Names(Kind.MEMORY),
    "server_id": Names(Kind.MCP_SERVER),
    "run_id": Names(Kind.RUN),
    "run": Names(Kind.RUN),
    "ws_unsub.run": Names(Kind.RUN, Rule.UNFELT),
    # What a run has asked, which nobody can guess; the run itself is what is walked.
    "resume": Value(lambda: [{"interruptId": str(uuid4()), "status": "cancelled"}]),
    "export_id": Names(Kind.EXPORT),
    "erasure_id": Names(Kind.ERASURE),
    "user_id": _USER,
    "user": _USER,
    "person": _USER,
    "key_id": Names(Kind.KEY),
    "session_id": Names(Kind.SESSION),
    "tenant_id": Names(Kind.TENANT),
    "tenant": Names(Kind.TENANT),
    "share_id": Names(Kind.SHARE),
    "username": Names(Kind.EMAIL),
    "filter": Names(Kind.DOCUMENT, Rule.UNFELT, _filter),
    "idempotency-key": Names(Kind.REQUEST_KEY, Rule.UNFELT, once=True),
    "cursor": Names(Kind.CURSOR, Rule.SILENT),
    "q": Names(Kind.WORD, Rule.UNFELT),
    "query": Names(Kind.WORD, Rule.SILENT),
    "input": Names(Kind.WORD, Rule.SILENT),
    "create_collection.name": Names(Kind.COLLECTION_NAME, Rule.UNFELT, once=True),
    "create_user.name": Names(Kind.USER_NAME, Rule.UNFELT, once=True),
    "create_api_key.name": Names(Kind.KEY_NAME, Rule.UNFELT, once=True),
    "add_mcp_server.name": Names(Kind.MCP_NAME, Rule.UNFELT, once=True),
    "add_document.text": Names(Kind.TEXT, Rule.UNFELT, once=True),
    "decide.version": _WORD,
    # Anybody lower would see from then on what the walk expects to be hidden from them.
    "share_collection.role": Value(lambda: "owner"),
    "name": _WORD,
    "title": _WORD,
    "description": _WORD,
    "text": _WORD,
    "purpose": _WORD,
    "if-match": _WORD,
    "url": Value(lambda: "http://example.invalid/"),
    "email": Value(lambda: f"{new_word()}@example.org"),
    "password": Value(new_word),
    "scope": Value(str),
    # Tools are named inside of their server, which the walk varies.
    "tool": _WORD,
    "sha256": Value(lambda: "0" * 64),
    "command": _WORD,
    "header": Value(lambda: "authorization"),
    "secret": _WORD,
    "tags": Value(list),
    "metadata": Value(dict),
    "invite_member.email": Own(Kind.EMAIL),
    "create_tenant.owner.email": Own(Kind.EMAIL),
    "sign_in_with_password.password": Own(Kind.PASSWORD),
    "current": Own(Kind.PASSWORD),
    "key": Own(Kind.SECRET),
    "refresh_token": Own(Kind.REFRESH),
    "sign_in_by_code.code": Own(Kind.CODE),
    # What a provider of sign-ins sends back; no tenant has anything to do with it.
    "code": _WORD,
    "state": _WORD,
    "error": _WORD,
    "iss": _WORD,
}


def meaning_of(operation: Operation, field: Field) -> Meaning | None:
    """What the field means; None when nobody has said so and its form does not tell."""
    names = (f"{operation.id}.{field.name}", field.name.rpartition(".")[2].lower())
    for name in names:
        if name in MEANINGS:
            return MEANINGS[name]
    return _by_form(field.schema)


def _by_form(schema: Schema) -> Value | None:
    """A choice, a number or a switch names nothing of anybody."""
    if "const" in schema:
        return Value(lambda: schema["const"])
    if schema.get("enum"):
        return Value(lambda: schema["enum"][0])
    match schema.get("type"):
        case "boolean":
            return Value(bool)
        case "integer" | "number":
            return Value(lambda: int(schema.get("minimum", 1)))
        case "array" if (inside := _by_form(schema.get("items", {}))) is not None:
            return Value(lambda: [inside.make()])
    return None
