"""Asking again: patiently, not for ever, and never all at once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.domain.errors import UnavailableError, UpstreamError
from citewell.inference.retries import (
    LONGEST_ASKED,
    Patience,
    TransientError,
    persist,
    seconds_asked,
)

NOW = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
HURRIED = Patience(total=5.0, first=0.001, most=0.002)


class Attempts:
    """Fails as often as it is told, then says yes."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.left = failures
        self.made = 0
        self.error = error or TransientError("Busy.")

    async def __call__(self) -> str:
        self.made += 1
        if self.made <= self.left:
            raise self.error
        return "yes"


@pytest.mark.parametrize("failures", [0, 1, 4])
async def test_what_fails_for_a_while_is_tried_until_it_succeeds(failures: int) -> None:
    attempts = Attempts(failures)
    assert await persist(attempts, HURRIED) == "yes"
    assert attempts.made == failures + 1


async def test_what_will_not_pass_is_not_tried_again() -> None:
    attempts = Attempts(9, UpstreamError("Wrong model."))
    with pytest.raises(UpstreamError, match="Wrong model"):
        await persist(attempts, HURRIED)
    assert attempts.made == 1


async def test_a_wait_that_outlasts_the_effort_is_handed_to_the_caller() -> None:
    attempts = Attempts(9, TransientError("Busy.", asked=100))
    with pytest.raises(UnavailableError, match="Busy") as refused:
        await persist(attempts, HURRIED)
    assert attempts.made == 1
    assert 100 <= refused.value.retry_after <= 100.01


async def test_an_attempt_that_never_ends_is_given_up_with_the_last_reason() -> None:
    attempts = Attempts(1)

    async def hangs_at_last() -> str:
        await attempts()
        return await asyncio.Future[str]()

    with pytest.raises(UnavailableError, match="Busy"):
        await persist(hangs_at_last, Patience(total=0.05, first=0.001, most=0.002))
    assert attempts.made == 2


async def test_who_cancels_is_not_told_that_the_server_was_slow() -> None:
    task = asyncio.ensure_future(persist(asyncio.Future[str], HURRIED))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_timeout_of_the_attempt_itself_is_not_the_end_of_patience() -> None:
    attempts = Attempts(1, TimeoutError("Mine."))
    with pytest.raises(TimeoutError, match="Mine"):
        await persist(attempts, HURRIED)


@given(attempt=st.integers(0, 10_000), asked=st.none() | st.floats(0, 1000))
def test_a_wait_is_a_random_part_of_a_bound_that_grows_to_its_most(
    attempt: int, asked: float | None
) -> None:
    patience = Patience(first=0.5, most=8.0)
    wait = patience.wait(attempt, asked) - (asked or 0.0)
    assert -1e-9 <= wait <= min(8.0, 0.5 * 2 ** min(attempt, 30)) + 1e-9


def test_clients_that_fail_together_do_not_come_back_together() -> None:
    waits = {Patience().wait(3, None) for _ in range(100)}
    assert len(waits) > 90


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Wed, 01 May 2024 12:00:30 GMT", 30.0),
        ("Wed, 01 May 2024 14:00:30 +0200", 30.0),
        ("Wed, 01 May 2024 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("Mon, 01 Jan 9999999999 00:00:00 GMT", None),
        ("9" * 400, LONGEST_ASKED),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_ASKED),
    ],
)
def test_a_server_may_ask_for_time_in_seconds_or_by_a_date(
    value: str | None, seconds: float | None
) -> None:
    assert seconds_asked(value, NOW) == seconds


DATES = st.builds("Mon, {} Jan {} {}:{}:{} {}".format, *[st.integers()] * 6)
NUMBERS = st.from_regex(r"\d{1,400}", fullmatch=True)


@given(value=st.text(max_size=40) | NUMBERS | DATES)
def test_whatever_a_server_writes_there_is_a_wait_or_nothing(value: str) -> None:
    asked = seconds_asked(value, NOW)
    assert asked is None or 0 <= asked <= LONGEST_ASKED


@given(seconds=st.integers(0, 3600))
def test_a_date_in_the_future_is_the_time_until_then(seconds: int) -> None:
    then = (NOW + timedelta(seconds=seconds)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert seconds_asked(then, NOW) == seconds
