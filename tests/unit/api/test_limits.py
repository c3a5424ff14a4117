"""Limits, cursors and commands, apart from any server."""

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.api import cursors, limits
from citewell.api.limits import Slots, TokenBuckets
from citewell.api.questions import check_question, parse_command
from citewell.api.schemas.sockets import Op
from citewell.domain.errors import InvalidError, LimitedError, UnavailableError


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(buckets: TokenBuckets, caller: str, times: int) -> int:
    passed = 0
    for _ in range(times):
        try:
            buckets.take(caller)
        except LimitedError:
            continue
        passed += 1
    return passed


def test_a_caller_gets_the_burst_and_then_the_rate() -> None:
    clock = Clock()
    buckets = TokenBuckets(rate=2, burst=5, clock=clock)
    assert taken(buckets, "a", 20) == 5
    assert taken(buckets, "b", 20) == 5
    clock.now += 2
    assert taken(buckets, "a", 20) == 4
    clock.now += 1000
    assert taken(buckets, "a", 20) == 5


def test_a_refusal_says_when_to_come_back() -> None:
    clock = Clock()
    buckets = TokenBuckets(rate=2, burst=1, clock=clock)
    buckets.take("a")
    with pytest.raises(LimitedError) as refused:
        buckets.take("a")
    clock.now += refused.value.retry_after
    buckets.take("a")


def test_buckets_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_CALLERS", 10)
    buckets = TokenBuckets()
    for caller in range(1000):
        buckets.take(caller)
    assert len(buckets._buckets) <= 10


def test_slots_are_given_back_also_after_an_error() -> None:
    slots = Slots(1, "uploads")
    with pytest.raises(KeyError), slots.hold():
        raise KeyError
    with slots.hold(), pytest.raises(UnavailableError), slots.hold():
        pass


@given(st.text().filter(lambda text: "\x00" not in text and text.isprintable()))
def test_a_cursor_gives_back_the_place(place: str) -> None:
    assert cursors.decode_text(cursors.encode(place)) == place


def refusal(check: Callable[[], object]) -> InvalidError | None:
    try:
        check()
    except InvalidError as error:
        return error
    return None


@given(st.text(max_size=50))
def test_what_is_no_cursor_is_refused_and_nothing_else_happens(text: str) -> None:
    for decode in (cursors.decode_text, cursors.decode_id, cursors.decode_number):
        refused = refusal(partial(decode, text))
        assert refused is None or refused.errors[0].field == "cursor"


@given(st.text(max_size=200))
def test_a_question_is_text_or_refused_with_a_hint(text: str) -> None:
    refused = refusal(lambda: check_question(text, 100, field="input"))
    if refused is not None:
        assert refused.hint
        assert refused.errors[0].field == "input"
        return
    asked = check_question(text, 100, field="input")
    assert asked == text.strip()
    assert "\x00" not in asked.encode("utf-8").decode()


@given(st.text(max_size=200))
def test_a_frame_is_a_question_a_command_or_refused(text: str) -> None:
    try:
        command = parse_command(text)
    except InvalidError:
        return
    assert command.op is not Op.START or command.input == text or text.lstrip().startswith("{")


def test_text_that_only_looks_like_a_command_is_a_question() -> None:
    for text in ("{What?", '{"input": ', "[1]", "{" * 5000):
        assert parse_command(text).input == text
