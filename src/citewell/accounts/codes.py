"""One-time sign-in codes: in the memory of the process that issued them, ten minutes long."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from citewell.accounts import credentials

LIFETIME_SECONDS = 600.0
MAX_OPEN = 100


@dataclass(frozen=True, slots=True)
class SignInCodes:
    """At most `MAX_OPEN` codes are open; issuing one more drops the oldest."""

    clock: Callable[[], float] = time.monotonic
    _open: dict[bytes, float] = field(default_factory=dict)

    def issue(self) -> str:
        """A fresh code of 192 random bits."""
        while len(self._open) >= MAX_OPEN:
            del self._open[next(iter(self._open))]
        code = secrets.token_urlsafe(24)
        self._open[credentials.digest(code)] = self.clock() + LIFETIME_SECONDS
        return code

    def redeem(self, code: str) -> bool:
        """Whether the code is open; it is not afterwards."""
        until = self._open.pop(credentials.digest(code), None)
        return until is not None and self.clock() < until
