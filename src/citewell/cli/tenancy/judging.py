"""What an answer gives away: foreign words and ids, success, or a difference to what is missing."""

import base64
import binascii
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from citewell.cli.tenancy.calling import Answer
from citewell.cli.tenancy.cast import Kind, Whose
from citewell.cli.tenancy.cells import Cell
from citewell.cli.tenancy.fields import Rule
from citewell.cli.tenancy.walking import Exchange, cursor_in

ZIP = b"PK\x03\x04"
# Everything that can be a mark: words of `new_word`, ids, and the numbers of budgets.
_ID = r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"
_TOKEN = re.compile(rf"cwt[0-9a-f]{{16}}|{_ID}|\d{{14}}", re.IGNORECASE)
_CHANGING = re.compile(rf"cwt[0-9a-f]{{16}}|{_ID}|[0-9a-f]{{32,}}|[\d.]+", re.IGNORECASE)
_PERSONAL = frozenset({Kind.USER, Kind.EXPORT})
# Others hold times, counts and ids of the request, and differ between any two answers.
_PLAIN_HEADERS = frozenset({"content-type", "www-authenticate", "location", "etag", "set-cookie"})
# These tell what their caller has asked: the walk asks for a word of the other tenant's document.
_TELLS_QUESTIONS = frozenset({
    "list_conversations", "get_conversation", "change_conversation", "list_messages", "get_context",
    "list_runs",
})  # fmt: skip
# What was too slow just then.
_OF_THE_MOMENT = frozenset({"degraded"})


@dataclass(frozen=True, slots=True)
class Leak:
    """One cell whose answer says what it must not."""

    cell: Cell
    what: str


def leaks(exchanges: Sequence[Exchange]) -> list[Leak]:
    """Every leak, the cells in the order in which they were walked."""
    missing = {_row(e.cell): e for e in exchanges if e.cell.whose is Whose.MISSING}
    return [
        Leak(one.cell, what)
        for one in exchanges
        for what in _leaks(one, missing.get(_row(one.cell)))
    ]


def tokens(text: str) -> frozenset[str]:
    """The words, ids and numbers in a text that could be somebody's mark."""
    found = (token.lower() for token in _TOKEN.findall(text))
    return frozenset(one if one.startswith("cwt") else one.replace("-", "") for one in found)


def _leaks(one: Exchange, missing: Exchange | None) -> Iterator[str]:
    cell, answer = one.cell, one.answer
    told = (tokens(text_of(answer)) & _hidden(cell)) - tokens(one.sent)
    if told:
        yield f"{answer.status} with what belongs to somebody else: {', '.join(sorted(told)[:3])}"
    if not _must_not_be_felt(cell):
        return
    if cell.naming.rule is Rule.HIDDEN and answer.is_success:
        yield f"{answer.status} where nothing should be found"
    elif missing is not None and (difference := _difference(one, missing)):
        yield difference


def _hidden(cell: Cell) -> frozenset[str]:
    caller, named = cell.caller, cell.naming.kinds
    # Who may look after a person may see all that is stored about them.
    looks_after = cell.whose is Whose.COLLEAGUE and named <= caller.sees and named & _PERSONAL
    private = caller.home.private.items()
    mine = {word for word, kind in private if kind not in caller.sees and not looks_after}
    asked = {caller.other.owner.things.get(Kind.WORD, "")}
    hidden = caller.hidden - asked if cell.operation.id in _TELLS_QUESTIONS else caller.hidden
    return tokens(" ".join(hidden | mine))


def _must_not_be_felt(cell: Cell) -> bool:
    """Whether naming this thing must be like naming a missing one."""
    if not cell.naming.fields or cell.naming.rule is Rule.SILENT:
        return False
    if cell.whose is Whose.COLLEAGUE:
        return not cell.naming.kinds <= cell.caller.sees
    return cell.whose is Whose.FOREIGN


def _difference(one: Exchange, missing: Exchange) -> str | None:
    if one.answer.status != missing.answer.status:
        return f"{one.answer.status}, but {missing.answer.status} for a missing one"
    if _outline(one.answer) != _outline(missing.answer):
        return f"{one.answer.status} with another body or header than for a missing one"
    return None


def _outline(answer: Answer) -> tuple[object, ...]:
    """What of an answer must not depend on which thing was named."""
    kind = next((value for name, value in answer.headers if name == "content-type"), "")
    names = frozenset(name for name, _ in answer.headers) & _PLAIN_HEADERS
    text = answer.text
    if answer.is_success and "json" in kind:
        return kind, names, _skeleton(answer.json())
    return kind, names, _CHANGING.sub("", text)


def _skeleton(value: Any) -> Any:
    """The form of a JSON value: which fields, how long, which are null; not what is in them."""
    if isinstance(value, dict):
        # Fields that are named after ids have no order of their own.
        named = {_TOKEN.sub("", name): _skeleton(one) for name, one in value.items()}
        return tuple((name, named[name]) for name in sorted(named.keys() - _OF_THE_MOMENT))
    if isinstance(value, list):
        return tuple(_skeleton(one) for one in value)
    if isinstance(value, bool) or value is None:
        return value
    return "text" if isinstance(value, str) else "number"


def _row(cell: Cell) -> tuple[object, ...]:
    return cell.operation.id, cell.operation.shape, cell.naming.title, cell.caller.name


def text_of(answer: Answer) -> str:
    """All that an answer says, also inside of an archive and of an opaque cursor."""
    parts = [answer.beside, *(f"{name}: {value}" for name, value in answer.headers)]
    if answer.body.startswith(ZIP):
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            for name in archive.namelist():
                parts += [name, archive.read(name).decode("utf-8", "replace")]
    else:
        parts += [answer.text, _opened(cursor_in(answer) or "")]
    return "\n".join(parts)


def _opened(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("utf-8")
    except (ValueError, binascii.Error):
        return ""
