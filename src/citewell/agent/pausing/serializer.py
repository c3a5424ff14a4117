"""The state of a run as JSON and back: types of a closed list, each built by its own constructor.

Nothing in the data names a module or a function. What is not in the list is refused both ways, so
that a row which somebody has planted is an error and never code.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.types import Interrupt

from citewell.agent.bounds.limits import Spent
from citewell.agent.composition import Unit
from citewell.agent.planning.plan import Plan
from citewell.agent.state import Hop
from citewell.agent.tools.progress import Finding, Progress
from citewell.domain.conversations import Exchange, Keeping, Noted, Remembered
from citewell.domain.documents import TextKind
from citewell.domain.errors import DamagedError
from citewell.domain.passages import Passage, Scores
from citewell.domain.run_events import Question
from citewell.domain.runs.approvals import Decision, Wanted

KIND, OF = "kind", "of"

_RECORDS = {
    one.__name__: one
    for one in (
        Decision, Exchange, Finding, Hop, Noted, Passage, Progress, Question, Remembered, Scores,
        Spent, Unit, Wanted,
    )
}  # fmt: skip
_CHOICES: Mapping[str, type[Enum]] = {one.__name__: one for one in (Keeping, TextKind)}
_MESSAGES = {one.__name__: one for one in (AIMessage, HumanMessage, SystemMessage, ToolMessage)}
# What of a message a model is shown again; everything else is its provider's.
_SAID = ("content", "tool_calls", "tool_call_id", "status")


class JsonSerializer:
    """As LangGraph's `SerializerProtocol` has it. Raises `TypeError` and `DamagedError`."""

    def dumps_typed(self, value: Any) -> tuple[str, bytes]:
        """The name of the format, and the value in it."""
        return "json", dumped(value).encode()

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """What `dumps_typed` was given."""
        kind, content = data
        if kind != "json":
            raise DamagedError(f"The state of a run is stored as {kind[:40]!r}, which is not read.")
        return loaded(content.decode())


def dumped(value: Any) -> str:
    """ASCII; raises `TypeError` for a type that is not in the list."""
    return json.dumps(_plain(value), separators=(",", ":"))


def loaded(text: str) -> Any:
    """What `dumped` was given; raises `DamagedError` for any text that it has not made."""
    try:
        return _value(json.loads(text))
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise _damaged(type(error).__name__) from error
    except RecursionError as error:
        raise _damaged("nested too deeply") from error


def _plain(value: Any) -> Any:
    name = type(value).__name__
    if name in _CHOICES and type(value) is _CHOICES[name]:
        return {KIND: name, OF: value.value}
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if type(value) is list:
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {KIND: "map", OF: [[_plain(key), _plain(one)] for key, one in value.items()]}
    return _tagged(name, value)


def _tagged(name: str, value: Any) -> dict[str, Any]:
    if type(value) in _WRITTEN:
        kind, write = _WRITTEN[type(value)]
        return {KIND: kind, OF: write(value)}
    if type(value) is _MESSAGES.get(name):
        said = {one: getattr(value, one) for one in _SAID if hasattr(value, one)}
        return {KIND: name, OF: _plain(said)}
    if type(value) is _RECORDS.get(name):
        held = {one.name: getattr(value, one.name) for one in fields(value)}
        return {KIND: name, OF: _plain(held)}
    raise TypeError(f"The state of a run cannot hold a {name}: it is not in the list.")


def _value(plain: Any) -> Any:
    if isinstance(plain, list):
        return [_value(one) for one in plain]
    if not isinstance(plain, dict):
        return plain
    if set(plain) != {KIND, OF}:
        raise ValueError("an object without its kind")
    kind, held = plain[KIND], plain[OF]
    if kind in _BUILT:
        return _BUILT[kind](held)
    if kind in _CHOICES:
        return _CHOICES[kind](held)
    if kind in _MESSAGES:
        return _MESSAGES[kind](**_value(held))
    record = _RECORDS[kind]
    return record(**_value(held))


_WRITTEN: Mapping[type[Any], tuple[str, Callable[[Any], Any]]] = {
    tuple: ("tuple", lambda value: [_plain(one) for one in value]),
    UUID: ("uuid", lambda value: value.hex),
    Decimal: ("decimal", str),
    datetime: ("moment", datetime.isoformat),
    Plan: ("plan", Plan.model_dump_json),
    Interrupt: ("interrupt", lambda value: [_plain(value.value), value.id]),
}
_BUILT: Mapping[str, Callable[[Any], Any]] = {
    "map": lambda held: {_value(key): _value(one) for key, one in held},
    "tuple": lambda held: tuple(map(_value, held)),
    "uuid": lambda held: UUID(hex=held),
    "decimal": Decimal,
    "moment": datetime.fromisoformat,
    "plan": Plan.model_validate_json,
    "interrupt": lambda held: Interrupt(_value(held[0]), id=str(held[1])),
}


def _damaged(why: str) -> DamagedError:
    return DamagedError(
        f"The stored state of a run cannot be read ({why}).",
        hint="Ask again; if it happens again, somebody has changed the table `checkpoints`.",
    )
