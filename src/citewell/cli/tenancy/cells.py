"""Every way to call a route: whose things it names, who calls, how the credential is carried."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from citewell.cli.tenancy.cast import Caller, Carrier, Cast, Kind, Whose, missing
from citewell.cli.tenancy.contract import FORM, JSON, Field, Operation
from citewell.cli.tenancy.fields import Names, Own, Rule, meaning_of

# What a call uses up is made for it alone. Other routes do so by their method.
CONSUMES: Mapping[str, Kind] = {
    "start_erasure": Kind.USER,
    "change_user": Kind.USER,
    "retry_job": Kind.JOB,
}
# These end the credential that they are called with, so they come last, in this order.
ENDS_SESSIONS = ("refresh_tokens", "logout", "sign_out", "change_password")

_THINGS: Mapping[Rule, tuple[Whose, ...]] = {
    Rule.HIDDEN: tuple(Whose),
    Rule.UNFELT: (Whose.COLLEAGUE, Whose.FOREIGN, Whose.MISSING),
    Rule.SILENT: (Whose.FOREIGN,),
}


@dataclass(frozen=True, slots=True)
class Naming:
    """The fields of a route that a cell varies together; none in a route that names nothing."""

    fields: tuple[Field, ...] = ()
    kinds: frozenset[Kind] = frozenset()
    rule: Rule = Rule.SILENT
    once: bool = False

    @property
    def title(self) -> str:
        """As people write it."""
        return " and ".join(f"{one.place} {one.name}" for one in self.fields)


@dataclass(frozen=True, slots=True)
class Cell:
    """One call."""

    operation: Operation
    naming: Naming
    whose: Whose
    caller: Caller
    carrier: Carrier | None

    @property
    def title(self) -> str:
        """As people write it."""
        what = f"{self.whose.value} {self.naming.title}" if self.naming.fields else "no names"
        carrier = self.carrier.value if self.carrier else "no credential"
        return f"{what} × {self.caller.name} × {carrier}"


@dataclass(slots=True)
class Request:
    """What a cell sends, without its credential."""

    method: str
    path: str
    params: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    kind: str | None = None

    @property
    def sent(self) -> str:
        """Everything in it that an answer may repeat."""
        return json.dumps([self.path, self.params, self.headers, self.body])

    def options(self) -> dict[str, Any]:
        """As the HTTP client takes it."""
        body = {JSON: "json", FORM: "data"}
        given = {body[self.kind]: self.body} if self.kind in body else {}
        return {"params": self.params, **given}


def obstacles(operation: Operation, cast: Cast) -> Iterator[str]:
    """Why a route cannot be walked."""
    if operation.body not in {None, JSON, FORM}:
        yield f"nobody here writes a body of the kind {operation.body}"
    for one in operation.fields:
        match meaning_of(operation, one):
            case None:
                yield f"the walk does not know what the {one.place} field `{one.name}` names"
            case Names(kind) if kind is not Kind.CURSOR:
                for tenant, name in ((cast.ours, "A"), (cast.theirs, "B")):
                    if kind not in tenant.owner.things:
                        yield f"tenant {name} has no {kind.value} to name"


def namings(operation: Operation) -> list[Naming]:
    """Each field that names something, all of the address together, and none of them."""
    named: list[tuple[Field, Names]] = []
    for one in operation.fields:
        meaning = meaning_of(operation, one)
        if isinstance(meaning, Names):
            named.append((one, meaning))
    found = [Naming((f,), frozenset({m.kind}), m.rule, m.once) for f, m in named]
    strict = [(f, m.kind) for f, m in named if m.rule is Rule.HIDDEN]
    address = [(f, kind) for f, kind in strict if f.place in {"path", "query"}]
    if len(address) > 1:
        kinds = frozenset(kind for _, kind in address)
        found.append(Naming(tuple(f for f, _ in address), kinds, Rule.HIDDEN))
    if not any(f.required for f, _ in strict):
        found.append(Naming())
    return found


def cells(operation: Operation, naming: Naming, callers: Sequence[Caller]) -> Iterator[Cell]:
    """Every call of a route in which this naming varies."""
    things = _THINGS[naming.rule] if naming.fields else (Whose.OWN,)
    for caller in callers[-1:] if operation.public else callers:
        if naming.once and not caller.is_owner:
            continue
        for whose in things:
            if not _is_there(caller, naming, whose):
                continue
            carriers: Sequence[Carrier | None] = tuple(caller.person.credentials) or (None,)
            for carrier in carriers[:1] if _is_done_once(operation, naming, whose) else carriers:
                yield Cell(operation, naming, whose, caller, carrier)


def _is_done_once(operation: Operation, naming: Naming, whose: Whose) -> bool:
    """Whether one carrier is enough: another one is another way to be the same caller.

    What is foreign is tried with each, and what names nothing is read with each.
    """
    if operation.id in ENDS_SESSIONS:
        return False
    if operation.method == "GET" and not naming.fields:
        return False
    changes = operation.method != "GET" and naming.rule is Rule.SILENT
    return naming.once or whose is not Whose.FOREIGN or changes


def _is_there(caller: Caller, naming: Naming, whose: Whose) -> bool:
    return all(kind is Kind.CURSOR or caller.thing(kind, whose) for kind in naming.kinds)


def consumed(operation: Operation) -> Kind | None:
    """What a successful call uses up."""
    if operation.method == "DELETE":
        paths = [one for one in operation.fields if one.place == "path"]
        last = max(paths, key=lambda one: operation.path.find("{" + one.name + "}"), default=None)
        meaning = None if last is None else meaning_of(operation, last)
        return meaning.kind if isinstance(meaning, Names) else None
    return CONSUMES.get(operation.id)


def request_of(cell: Cell, given: Mapping[Kind, str]) -> Request:
    """What to send; `given` holds things that were made for this cell."""
    operation = cell.operation
    made = Request(operation.method, operation.path, kind=operation.body)
    optional: list[tuple[Field, Any]] = []
    for one in operation.fields:
        is_needed, value = _value(cell, one, given)
        if is_needed:
            _put(made, one, value)
        elif value is not None and one.place == "body":
            optional.append((one, value))
    if operation.body and not made.body and optional:
        _put(made, *optional[0])
    return made


def _value(cell: Cell, one: Field, given: Mapping[Kind, str]) -> tuple[bool, Any]:
    """Whether a field must be sent, and with what."""
    match meaning_of(cell.operation, one):
        case Names(kind, _, wrap, once):
            is_varied = one in cell.naming.fields
            whose = cell.whose if is_varied else Whose.MISSING if once else Whose.OWN
            thing = cell.caller.thing(kind, whose)
            if whose is not Whose.MISSING:
                thing = given.get(kind, thing)
            is_needed = is_varied or one.required or kind is consumed(cell.operation)
            return is_needed, wrap(thing) if is_needed and thing is not None else None
        case Own(kind):
            return one.required, cell.caller.thing(kind, Whose.OWN) or missing(kind)
        case None:
            return False, None
        case value:
            return one.required, value.make()


def _put(request: Request, one: Field, value: Any) -> None:
    match one.place:
        case "path":
            request.path = request.path.replace("{" + one.name + "}", quote(value, safe=""))
        case "query":
            request.params[one.name] = value
        case "header":
            request.headers[one.name] = value
        case _:
            into = request.body
            for step in one.path[:-1]:
                into = into.setdefault(step, {})
            into[one.path[-1]] = value
