"""Limits, cursors and commands, apart from any server."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.api import cursors
from citewell.api.limiting import counters
from citewell.api.limiting.addresses import ProxyHeader, client_of
from citewell.api.limiting.counters import Counters
from citewell.api.limiting.rates import Rates
from citewell.api.limiting.slots import Slots
from citewell.api.questions import check_question, parse_command
from citewell.api.schemas.sockets import Op
from citewell.config import LimitSettings
from citewell.domain.errors import InvalidError, LimitedError, UnavailableError
from citewell.domain.ids import DEFAULT_TENANT, KeyId, UserId, new_id
from citewell.domain.principal import Principal, Role


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


KEY, OTHER_KEY = KeyId(new_id()), KeyId(new_id())
ADA = Principal(DEFAULT_TENANT, UserId(new_id()), Role.VIEWER, frozenset(), KEY)
EVE = Principal(DEFAULT_TENANT, UserId(new_id()), Role.VIEWER, frozenset(), KeyId(new_id()))


async def taken(rates: Rates, who: Principal, times: int) -> int:
    return sum([(await rates.take(who)).allowed for _ in range(times)])


async def test_a_key_a_user_and_a_tenant_have_limits_of_their_own() -> None:
    clock = Clock()
    settings = LimitSettings(requests_per_key=5, requests_per_user=8, requests_per_tenant=12)
    rates = Rates(settings, Counters(clock))
    assert await taken(rates, ADA, 20) == 5
    assert await taken(rates, replace(ADA, key_id=OTHER_KEY), 20) == 3, "her other key helps little"
    assert await taken(rates, EVE, 20) == 4, "what is refused to one is not taken from the tenant"
    clock.now += 59
    assert await taken(rates, ADA, 20) == 0
    clock.now += 1
    assert await taken(rates, ADA, 20) == 5


async def test_a_refusal_says_when_to_come_back() -> None:
    clock = Clock()
    rates = Rates(LimitSettings(requests_per_key=1), Counters(clock))
    first = await rates.take(ADA)
    assert (first.name, first.left) == ("key", 0)
    clock.now += 20
    with pytest.raises(LimitedError, match="1 requests with one key") as refused:
        (await rates.take(ADA)).check()
    assert refused.value.retry_after == 40
    clock.now += refused.value.retry_after
    (await rates.take(ADA)).check()


async def test_wrong_credentials_stop_an_address_and_no_other() -> None:
    rates = Rates(LimitSettings(guesses_per_address=3), Counters(Clock()))
    for _ in range(3):
        (await rates.take_address("a")).check()
        await rates.blame("a")
    assert not (await rates.take_address("a")).allowed
    assert (await rates.take_address("b")).allowed


async def test_counters_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "MAX_KEYS", 10)
    kept = Counters(Clock())
    rates = Rates(LimitSettings(), kept)
    for number in range(1000):
        await rates.take_address(str(number))
    assert await kept.reset() == 10


PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def sender(peer: str, header: ProxyHeader = "x-forwarded-for", **headers: str) -> str:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "client": (peer, 1), "headers": raw}
    return client_of(scope, PROXIES, header)


@pytest.mark.parametrize(
    ("peer", "told", "counted"),
    [
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.7, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.7, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("fd00::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::7", "203.0.113.9", "2001:db8:1:2::/64"),
        ("", "203.0.113.9", "unknown"),
    ],
)
def test_only_a_trusted_proxy_says_who_sent_a_request(peer: str, told: str, counted: str) -> None:
    assert sender(peer, x_forwarded_for=told, forwarded="for=198.51.100.1") == counted


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ("for=203.0.113.9", "203.0.113.9"),
        ("for=198.51.100.7, for=203.0.113.9;proto=https", "203.0.113.9"),
        ('proto=https;For="[2001:db8:1:2::7]:4711"', "2001:db8:1:2::/64"),
        ("for=_hidden", "10.0.0.1"),
        ("by=203.0.113.9", "10.0.0.1"),
    ],
)
def test_the_standard_header_counts_where_the_proxy_writes_it(told: str, counted: str) -> None:
    made = sender("10.0.0.1", "forwarded", forwarded=told, x_forwarded_for="198.51.100.1")
    assert made == counted


def test_a_proxy_that_is_no_address_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        LimitSettings(trusted_proxies="10.0.0.1, proxy.example")
    assert len(LimitSettings(trusted_proxies=" 10.0.0.1, fd00::/8 ,").proxies) == 2


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
