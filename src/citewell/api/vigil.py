"""Watching over what stays open: a connection ends with the credential that opened it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from citewell.accounts.service import Accounts
from citewell.domain.errors import AppError, UnauthenticatedError
from citewell.domain.principal import Principal

# What was ended anywhere must not outlive five seconds here.
RECHECK_SECONDS = 3.0

Check = Callable[[Principal], None]


@dataclass(eq=False, slots=True)
class Watched:
    """An open connection; `principal` is its caller as they are now."""

    principal: Principal
    check: Check
    ended: asyncio.Future[AppError] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def judge(self, found: Principal | None) -> None:
        """Take note of the caller as they are now; None when their credential has ended."""
        if self.ended.done():
            return
        if found is None:
            self.ended.set_result(UnauthenticatedError("The credential has ended."))
            return
        self.principal = found
        try:
            self.check(found)
        except AppError as error:
            self.ended.set_result(error)


@dataclass(frozen=True, slots=True)
class Vigil:
    """Asks of all open connections at once whether their credentials live."""

    _watched: set[Watched] = field(default_factory=set)

    @contextmanager
    def over(self, principal: Principal, check: Check) -> Iterator[Watched]:
        """Watch over a connection for as long as the context lasts."""
        watched = Watched(principal, check)
        self._watched.add(watched)
        try:
            yield watched
        finally:
            self._watched.remove(watched)

    async def run(self, accounts: Accounts) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            # With the database away nobody can say; the next look decides.
            with suppress(AppError):
                await self.look(accounts)

    async def look(self, accounts: Accounts) -> None:
        """Tell every connection how its caller stands."""
        watched = list(self._watched)
        living = await accounts.recognition.living({one.principal for one in watched})
        for one in watched:
            one.judge(living.get(one.principal))
