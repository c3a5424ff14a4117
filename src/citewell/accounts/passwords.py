"""Passwords: which are good enough, and hashing them without holding up anybody else."""

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from citewell.domain.errors import FieldProblem, InvalidError, UnavailableError

MIN_LENGTH = 12
MAX_LENGTH = 1024
MIN_DIFFERENT = 6
# 64 MiB each: this many at once is what a small server has to spare.
AT_ONCE = 2
WAITING = 32

Made = TypeVar("Made")

# What is left of a weak password once its decoration is gone.
_COMMON = frozenset(
    word
    for line in (
        "password passwort motdepasse contrasena wachtwoord letmein welcome willkommen iloveyou",
        "sunshine princess football baseball superman batman dragon monkey master shadow trustno",
        "changeme changethis default secret secretpassword administrator admin root toor guest",
        "qwerty qwertz azerty qwertyuiop qwertzuiop azertyuiop asdfghjkl zxcvbnm yxcvbnm citewell",
    )
    for word in line.split()
)
_SPELLING = str.maketrans("013457@$!|", "oleastasil")
_ROWS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")


@dataclass(frozen=True, slots=True)
class Passwords:
    """Argon2id, with a bound on how many are hashed at the same time."""

    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _queue: list[None] = field(default_factory=list)
    _nobodys: list[str] = field(default_factory=list)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def hash(self, password: str) -> str:
        """What is stored."""
        return await self._work(partial(self.hasher.hash, password))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether it is the password; takes as long when there is nobody to compare with."""
        # Before anything is compared: the first attempt of all must not tell either.
        nobodys = await self._nobody()
        known = nobodys if stored is None else stored
        right = await self._work(partial(self._matches, password[:MAX_LENGTH], known))
        return right and stored is not None

    async def renewed(self, password: str, stored: str) -> str | None:
        """The same password under the parameters in use; None when it is already."""
        return await self.hash(password) if self.hasher.check_needs_rehash(stored) else None

    async def _nobody(self) -> str:
        async with self._making:
            if not self._nobodys:
                self._nobodys.append(await self.hash(secrets.token_urlsafe(32)))
        return self._nobodys[0]

    def _matches(self, password: str, stored: str) -> bool:
        try:
            return self.hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _work(self, task: "partial[Made]") -> Made:
        if len(self._queue) >= WAITING:
            raise UnavailableError("Too many people sign in just now.", hint="Try again shortly.")
        self._queue.append(None)
        try:
            async with self._turns:
                return await asyncio.to_thread(task)
        finally:
            self._queue.pop()


def check_strength(password: str, *, about: str = "") -> None:
    """Pass, or raise `InvalidError` saying what is wrong; `about` is the person's address."""
    problem = weakness(password, about=about)
    if problem:
        raise InvalidError(
            "This password is too easy to guess.",
            hint="Several unrelated words are good.",
            errors=(FieldProblem("password", problem),),
        )


def weakness(password: str, *, about: str = "") -> str:
    """What is wrong with a password, or nothing."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return f"It needs {MIN_LENGTH} to {MAX_LENGTH} characters."
    plain = password.casefold()
    if len(set(plain)) < MIN_DIFFERENT:
        return f"It needs at least {MIN_DIFFERENT} different characters."
    core = _core(plain)
    spelled = _core(re.sub(r"^[\W\d_]+|(?<![\W\d_])[\W\d_]+$", "", plain).translate(_SPELLING))
    if core in _COMMON or spelled in _COMMON or _is_row(plain):
        return "It is one of the first that anybody would try."
    name = about.partition("@")[0].casefold()
    if len(name) >= MIN_DIFFERENT and name in plain:
        return "It contains the name in the address."
    return ""


def _core(password: str) -> str:
    """The letters of it, once if it is the same letters over and over."""
    letters = re.sub(r"[^\w]|[\d_]", "", password)
    for size in range(1, len(letters) // 2 + 1):
        if letters == letters[:size] * (len(letters) // size):
            return letters[:size]
    return letters


def _is_row(password: str) -> bool:
    rows = (*_ROWS, *(row[::-1] for row in _ROWS))
    letters = re.sub(r"\W", "", password)
    pieces = [letters[at : at + 4] for at in range(0, len(letters) - 3, 4)]
    return bool(pieces) and all(any(piece in row for row in rows) for piece in pieces)
