"""How much goes on at the same time in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from citewell.domain.errors import UnavailableError

MAX_UPLOADS = 16
MAX_FETCHES = 8
MAX_SOCKETS = 1000


@dataclass(slots=True)
class Slots:
    """At most `most` holders at the same time; nobody queues."""

    most: int
    what: str
    _held: int = 0

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold a slot, or raise `UnavailableError`."""
        if self._held >= self.most:
            raise UnavailableError(
                f"{self.most} {self.what} are going on already.", hint="Try again in a moment."
            )
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
