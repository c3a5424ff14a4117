"""Guessing passwords and keys: what a sender says about where it comes from buys nothing."""

import asyncio
import random
import time
from collections.abc import Iterator, Mapping

import httpx
from fastapi import FastAPI

from citewell.accounts.sign_in import PER_ACCOUNT, WINDOW
from citewell.api.limiting.rates import Rates
from citewell.bootstrap import App
from citewell.config import LimitSettings
from citewell.domain.ids import DEFAULT_TENANT
from tests.conftest import Counted
from tests.unit.accounts.people import add_person

ADA = "ada@example.org"
# One account, as far as signing in is concerned.
ADAS = (ADA, "ADA@example.org", " ada@example.org", "Ada@EXAMPLE.ORG", "ada@example.org ")
GUESSES, STORM_GUESSES, AT_ONCE = 200, 10_000, 8
HEADERS = (
    "x-forwarded-for", "forwarded", "x-real-ip", "x-client-ip", "client-ip", "true-client-ip",
    "cf-connecting-ip", "x-cluster-client-ip", "x-original-forwarded-for", "fastly-client-ip",
    "x-forwarded", "forwarded-for", "via", "x-envoy-external-address",
)  # fmt: skip


def spoofed(drawn: random.Random, number: int) -> Iterator[Mapping[str, str]]:
    """Headers that each claim another origin, in every way that some server believes."""
    for _ in range(number):
        address = ".".join(str(drawn.randrange(1, 255)) for _ in range(4))
        other = f"2001:db8:{drawn.getrandbits(16):x}::{drawn.getrandbits(16):x}"
        shape = drawn.choice(
            ("{a}", "{a}, 127.0.0.1", "127.0.0.1, {a}", "{b}", "[{b}]:80", "{a}:443", "unknown", "")
        )
        told = shape.format(a=address, b=other)
        name = drawn.choice(HEADERS)
        yield {name: f"for={told};proto=https" if name == "forwarded" else told}


async def test_ten_guesses_a_minute_at_an_account_whoever_says_to_be_guessing(
    door: httpx.AsyncClient, app: App, seed: int, storm: bool, record_property: Counted
) -> None:
    await add_person(app.accounts, DEFAULT_TENANT, ADA)
    drawn = random.Random(seed)
    number = STORM_GUESSES if storm else GUESSES
    told = spoofed(drawn, number)
    heard: list[tuple[float, float]] = []

    async def guess() -> None:
        for headers in told:
            form = {"username": drawn.choice(ADAS), "password": f"guess {drawn.random()}"}
            began = time.monotonic()
            reply = await door.post("/api/v1/auth/token", data=form, headers=headers)
            assert reply.status_code in {401, 429}, reply.text
            if reply.status_code == 401:
                heard.append((began, time.monotonic()))

    await asyncio.gather(*(guess() for _ in range(AT_ONCE)))
    assert len(heard) >= PER_ACCOUNT
    for earlier, later in zip(heard, heard[PER_ACCOUNT:], strict=False):
        assert later[1] - earlier[0] >= WINDOW.total_seconds(), "eleven guesses in one minute"
    record_property("guesses", number)
    record_property("looked at", len(heard))


async def test_guesses_at_keys_are_counted_where_the_connection_comes_from(
    door: httpx.AsyncClient, api: FastAPI, app: App, seed: int
) -> None:
    most = 30
    api.state.server.rates = Rates(LimitSettings(guesses_per_address=most))
    drawn = random.Random(seed)
    statuses = []
    for headers in spoofed(drawn, 4 * most):
        wrong = {"authorization": f"Bearer cw_{drawn.getrandbits(256):064x}", **headers}
        statuses.append((await door.get("/api/v1/info", headers=wrong)).status_code)
    assert statuses == [401] * most + [429] * 3 * most
    right = {"authorization": f"Bearer {app.admin_key}", "x-forwarded-for": "192.0.2.9"}
    assert (await door.get("/api/v1/info", headers=right)).status_code == 429
