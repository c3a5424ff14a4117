"""What the database says when something commits: hints that shorten a wait, never the truth."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import sql
from sqlalchemy import URL

RECONNECT_SECONDS = 0.5
QUEUE_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Subscription:
    """What was said on one topic since the last look."""

    _heard: asyncio.Queue[str]

    async def next(self, *, seconds: float) -> str | None:
        """The next payload, or None after `seconds`; payloads may be lost, so look anyway."""
        try:
            async with asyncio.timeout(seconds):
                return await self._heard.get()
        except TimeoutError:
            return None

    async def hear(self, part: str, *, seconds: float) -> str | None:
        """The next payload that holds `part`, an empty one when everything is to be looked at.

        None after `seconds`.
        """
        try:
            async with asyncio.timeout(seconds):
                while True:
                    said = await self._heard.get()
                    if not said or part in said:
                        return said
        except TimeoutError:
            return None


@dataclass(frozen=True, slots=True)
class Notifications:
    """LISTEN on a connection of its own, made again whenever it breaks."""

    url: URL
    _subscribers: dict[str, set[asyncio.Queue[str]]] = field(default_factory=dict)

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncIterator[Subscription]:
        """Hear what is said on `topic` from now on."""
        heard: asyncio.Queue[str] = asyncio.Queue(QUEUE_LENGTH)
        listeners = self._subscribers.setdefault(topic, set())
        listeners.add(heard)
        try:
            yield Subscription(heard)
        finally:
            listeners.discard(heard)

    async def run(self, topics: tuple[str, ...]) -> None:
        """Listen until cancelled; a lost connection is tried again for ever."""
        conninfo = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    conninfo, autocommit=True, connect_timeout=5
                ) as connection:
                    for topic in topics:
                        listen = sql.SQL("LISTEN {}").format(sql.Identifier(topic))
                        await connection.execute(listen)
                    # What was said while nobody listened is lost: wake everybody to look.
                    for topic in topics:
                        self._tell(topic, "")
                    async for said in connection.notifies():
                        self._tell(said.channel, said.payload)
            except psycopg.OperationalError:
                await asyncio.sleep(RECONNECT_SECONDS)

    def _tell(self, topic: str, payload: str) -> None:
        for heard in self._subscribers.get(topic, ()):
            # A full queue already means: look.
            if not heard.full():
                heard.put_nowait(payload)
