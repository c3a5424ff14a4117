"""Passwords: what is refused, what is stored, and that nobody waits for somebody else's."""

import asyncio
import threading
from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters

from citewell.accounts.passwords import MAX_LENGTH, WAITING, Passwords, check_strength, weakness
from citewell.domain.errors import InvalidError, UnavailableError

QUICK = PasswordHasher(time_cost=1, memory_cost=64)

WEAK = (
    "short", "elevenchars", "password1234", "P@ssw0rd!!!!", "passwordpassword", "123456789012",
    "aaaaaaaaaaaaaaaa", "qwertyuiop12", "abcdefghijkl", "letmein!!!!!!", "changeme2026",
    "Administrator1!", "qwertzuiop!!", "abababababab", "987654321098", "x" * (MAX_LENGTH + 1),
)  # fmt: skip
GOOD = (
    "correct horse battery", "Zwölf Boxkämpfer!", "tR7#kq9Lm2xv", "это мой длинный пароль",
    "p4ssw0rd is a word too many", "x1y2z3" * 21, "🦊 over the lazy dog",
)  # fmt: skip


def test_a_password_that_anybody_would_try_is_refused() -> None:
    assert [one for one in WEAK if not weakness(one)] == []
    assert [one for one in GOOD if weakness(one)] == []
    assert weakness("rosamunde is great", about="Rosamunde@example.org")
    with pytest.raises(InvalidError) as refused:
        check_strength("short")
    assert refused.value.errors[0].field == "password"


async def test_a_password_is_kept_as_argon2id_of_at_least_the_promised_cost() -> None:
    passwords = Passwords()
    stored = await passwords.hash("correct horse battery")
    cost = extract_parameters(stored)
    assert stored.startswith("$argon2id$")
    assert cost.memory_cost >= 19 * 1024
    assert cost.time_cost >= 2
    assert await passwords.verify("correct horse battery", stored)
    assert not await passwords.verify("correct horse batterz", stored)
    assert await passwords.renewed("correct horse battery", stored) is None
    assert await passwords.renewed("old", QUICK.hash("old")) is not None


async def test_nobody_is_verified_against_a_hash_like_everybody_else() -> None:
    passwords = Passwords(QUICK)
    assert not await passwords.verify("whatever", None)
    assert not await passwords.verify("whatever", "not a hash")
    assert extract_parameters(passwords._nobodys[0]) == extract_parameters(QUICK.hash("x"))


class Held(PasswordHasher):
    """A hasher that compares when it is let; hashing of its own goes on."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8192)
        self.let = threading.Event()

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        assert self.let.wait(60)
        return super().verify(hash, password)


async def test_hashing_leaves_the_loop_free_and_is_bounded_in_number() -> None:
    held = Held()
    passwords = Passwords(held)
    stored = await passwords.hash("correct horse battery")
    crowd = [asyncio.ensure_future(passwords.verify("wrong", stored)) for _ in range(WAITING + 8)]
    first = asyncio.as_completed(crowd, timeout=60)
    for _ in range(8):
        with pytest.raises(UnavailableError):
            await next(first)
    turns = 0
    held.let.set()
    async with asyncio.timeout(60):
        while not all(one.done() for one in crowd):
            turns += 1
            await asyncio.sleep(0)
    found = await asyncio.gather(*crowd, return_exceptions=True)
    assert sum(isinstance(one, UnavailableError) for one in found) == 8
    assert found.count(False) == WAITING
    assert turns > WAITING
