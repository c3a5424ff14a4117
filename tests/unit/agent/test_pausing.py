"""S8 for the state of a run: types of a closed list, and nothing that a row could call."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import ormsgpack
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolCall, ToolMessage
from langgraph.types import Interrupt

from citewell.agent.bounds.limits import Spending, Spent
from citewell.agent.composition import Unit
from citewell.agent.pausing.serializer import JsonSerializer, dumped, loaded
from citewell.agent.planning.plan import ONE_LOOK
from citewell.agent.state import Hop
from citewell.agent.tools.progress import Finding, Progress
from citewell.domain.conversations import Exchange, Keeping, Noted, Remembered
from citewell.domain.errors import DamagedError
from citewell.domain.ids import ApprovalId, RunId, new_id
from citewell.domain.run_events import Question
from citewell.domain.runs.approvals import Decision, Wanted
from tests.security.objects import constructors, objects
from tests.unit.agent.passages import passage
from tests.watched.sitecustomize import WATCH

RUN = RunId(new_id())
CALL = ToolCall(name="send", args={"text": "a\ud800b\x00c", "n": 1.5}, id="call-1")
MESSAGES = (
    SystemMessage("You are."),
    HumanMessage("What?"),
    AIMessage("", tool_calls=[CALL]),
    ToolMessage("It failed.", tool_call_id="call-1", status="error"),
)
STATE: dict[str, Any] = {
    "question": Question(
        "What?", (), Remembered((Exchange("a", "b"),), "s", ("f",), Noted("x", Keeping.KEPT)), RUN
    ),
    "began": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    "plan": ONE_LOOK,
    "bridges": ((Hop("a", "b", "c"),),),
    "passages": (passage("some words"),),
    "terms": ({"word": 1.25},),
    "units": (Unit(1, 0, 4),),
    "progress": Progress(
        MESSAGES,
        untrusted=True,
        may_pause=True,
        pending=(CALL,),
        findings=(Finding("t", "x"),),
        passages=(passage("others"),),
        spent=Spent(1, 2, 3, Decimal("0.25"), 4.5),
    ),
    "asked": Interrupt(Wanted(RUN, 1, "send", {"text": "x"}, "d", ("egress",)), id="i"),
    "decided": Decision(ApprovalId(new_id()), RUN, "d", approved=True),
    "versions": {"plan": {"branch:to:plan": 2}},
    "nothing": None,
}


def test_the_state_of_a_run_is_the_same_when_it_is_read_again() -> None:
    again = loaded(dumped(STATE))
    assert again == STATE
    assert [type(one) for one in again["progress"].messages] == [type(one) for one in MESSAGES]
    assert isinstance(again["question"].remembered.noted.keeping, Keeping)
    assert dumped(STATE).isascii()


@dataclass(frozen=True, slots=True)
class Passage:
    """Named like one of ours, and none of ours."""

    text: str


@pytest.mark.parametrize("strange", [Passage("x"), Path("/"), b"bytes", {1, 2}, object(), int])
def test_what_is_not_in_the_list_is_not_written(strange: object) -> None:
    with pytest.raises(TypeError, match="it is not in the list"):
        dumped({"value": [strange]})


def planted(marker: Path) -> list[str]:
    """Rows that ask to be made an object of, in the ways of every serializer that there was."""
    call = {"module": "os", "name": "system", "args": [f"touch {marker}"]}
    rows: list[Any] = [
        {"lc": 2, "type": "constructor", "id": ["os", "system"], "args": [f"touch {marker}"]},
        {"lc": 1, "type": "constructor", "id": ["builtins", "eval"], "kwargs": {}},
        {"kind": "os.system", "of": [f"touch {marker}"]},
        {"kind": "Popen", "of": {"kind": "map", "of": [["args", f"touch {marker}"]]}},
        {"kind": "map", "of": [["__reduce__", call]]},
        {"kind": "Unit", "of": {"kind": "map", "of": [["number", 1], ["code", "x"]]}},
        {"kind": "Unit", "of": ["not", "a", "map"]},
        {"kind": ["Unit"], "of": {}},
        {"kind": "plan", "of": json.dumps({"route": "hops", "hops": [], "x": 1})},
        {"kind": "uuid", "of": "no id"},
        {"kind": "decimal", "of": "many"},
        {"kind": "interrupt", "of": []},
        {"kind": "TextKind", "of": "executable"},
        {"kind": "AIMessage", "of": {"kind": "map", "of": [["tool_calls", "x"]]}},
    ]
    nested = "[" * 100_000 + "]" * 100_000
    rows += constructors(marker)
    return [*map(json.dumps, rows), nested, "", "\ud800", "{"]


def test_a_planted_row_is_refused_and_makes_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    told: list[str] = []
    serializer = JsonSerializer()
    with WATCH.telling(told.append):
        for row in planted(marker):
            with pytest.raises(DamagedError):
                loaded(row)
        binary = [*objects(marker).values(), ormsgpack.packb(ormsgpack.Ext(0, b"x"))]
        for content in binary:
            for kind in ("pickle", "msgpack", "json+pickle", "bytes", "lc"):
                with pytest.raises(DamagedError):
                    serializer.loads_typed((kind, content))
    assert told == []
    assert not marker.exists()


def test_unpaired_surrogates_and_zeros_come_back_as_they_were() -> None:
    texts = ["\ud800", "a\udfffb", "\x00", "\U0001f600", "\u202e", '{"kind": "plan", "of": ""}']
    assert loaded(dumped(texts)) == texts


def test_what_was_used_before_a_pause_counts_after_it() -> None:
    spent = Spent(steps=5, calls=3, tokens=900, money=Decimal("0.1"), seconds=30.0)
    anew = Spending()
    anew.go_on_from(spent)
    anew.go_on_from(spent)
    assert (anew.steps, anew.calls, anew.tokens, anew.money) == (5, 3, 900, Decimal("0.1"))
    assert anew.so_far.seconds >= 30.0
    assert not anew.may_look(steps=20)
    assert UUID(str(RUN))
