"""Reading a run's log while it grows, in whichever process it is written."""

import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from citewell.chat.narration import TERMINAL
from citewell.domain.errors import UnavailableError
from citewell.domain.ids import RunId
from citewell.domain.principal import Principal
from citewell.domain.runs.states import RunState
from citewell.storage.at_once.events import events_after
from citewell.storage.database import Database
from citewell.storage.notifications import Notifications, Subscription
from citewell.storage.repositories.conversing.run_log import RUNS_TOPIC, JsonObject

POLL_SECONDS = 1.0
PAGE = 200
OUTAGE_SECONDS = 30.0

Page = list[tuple[int, JsonObject]]


@dataclass(frozen=True, slots=True)
class Follower:
    """Reads at the reader's pace: what is not read yet stays in the database."""

    database: Database
    notifications: Notifications

    async def events(
        self, principal: Principal, run_id: RunId, after: int
    ) -> AsyncGenerator[tuple[int, JsonObject], None]:
        """(number, event) strictly after `after`, until the run has ended.

        Raises `NotFoundError`, and `UnavailableError` when the database is away for longer than
        `OUTAGE_SECONDS`.
        """
        away_since: float | None = None
        async with self.notifications.subscribe(RUNS_TOPIC) as heard:
            while True:
                try:
                    page, ended = await self._read(principal, run_id, after)
                    away_since = None
                except UnavailableError:
                    away_since = away_since or time.monotonic()
                    if time.monotonic() - away_since > OUTAGE_SECONDS:
                        raise
                    page, ended = [], False
                for number, event in page:
                    yield number, event
                    after = number
                    ended = event["type"] in TERMINAL
                if ended:
                    return
                if len(page) < PAGE:
                    await _wait(heard, run_id, after)

    async def _read(self, principal: Principal, run_id: RunId, after: int) -> tuple[Page, bool]:
        read, seal = self.database.read, await self.database.seal(principal)
        state, page = await events_after(read, seal, principal, run_id, after=after, limit=PAGE)
        return page, state is not RunState.RUNNING and not page


async def _wait(heard: Subscription, run_id: RunId, after: int) -> None:
    """Return when the run is heard to have more events than `after`.

    What is said may be lost, so in time as well.
    """
    while said := await heard.hear(f":{run_id}:", seconds=POLL_SECONDS):
        number = said.rpartition(":")[2]
        if number.isdecimal() and int(number) > after:
            return
