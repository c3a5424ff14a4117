"""Signing keys change while everybody works: nobody notices, and what is retired is over in time.

Two processes on one database, and a third one, the operator's command, that changes the keys. What
one server has signed is used at both, also what the newest key has signed a moment ago.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from citewell.accounts.jws import header_of
from citewell.accounts.ring import STALE_SECONDS, KeyRing, Seal
from citewell.accounts.tokens import LIFETIME
from citewell.storage.database import Database
from tests.conftest import Counted
from tests.journeys.conftest import Server
from tests.security.credentials.plain_client import Line, get, line_to
from tests.unit.accounts.people import PASSWORD

ROTATIONS, STORM_ROTATIONS = 10, 100
REQUESTS_A_SECOND = 50
# So many of them between two rotations.
REQUESTS, STORM_REQUESTS = 10, 30
SOCKETS = 20
# To each server.
LINES = 8
SESSIONS = 4
PROMISED = 5.0
PATIENCE = 30.0
GRACE = LIFETIME + timedelta(seconds=STALE_SECONDS)


def bearer(credential: str) -> dict[str, str]:
    return {"authorization": f"Bearer {credential}"}


@dataclass(slots=True)
class Session:
    """Somebody who is signed in, and every access token that they have been given."""

    refresh: str
    tokens: list[str]

    @property
    def kid(self) -> str:
        """Which key has signed the newest."""
        return header_of(self.tokens[-1])["kid"]

    async def renew(self, client: httpx.AsyncClient) -> None:
        body = {"refresh_token": self.refresh}
        reply = await client.post("/api/v1/auth/refresh", json=body)
        assert reply.status_code == 200, reply.text
        self.refresh = reply.json()["refresh_token"]
        self.tokens.append(reply.json()["access_token"])


@dataclass(slots=True)
class Load:
    """What goes on meanwhile, at both servers in turn: on each of their lines one at a time."""

    lines: Sequence[asyncio.Queue[Line]]
    sessions: list[Session]
    drawn: random.Random
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Condition = field(default_factory=asyncio.Condition)
    sent: int = 0
    done: int = 0
    pongs: int = 0
    failed: list[str] = field(default_factory=list)

    async def ask(self) -> None:
        """At the stated rate, with any token that was ever given out; none of them is old."""
        turns, due = cycle(self.lines), time.monotonic()
        async with asyncio.TaskGroup() as group:
            while not self.ended.is_set():
                session = self.drawn.choice(self.sessions)
                # The newest one often: its key is the one that somebody may not know yet.
                known = session.tokens[-1:] if self.drawn.random() < 0.5 else session.tokens
                group.create_task(self._ask_once(next(turns), self.drawn.choice(known)))
                self.sent += 1
                due += 1 / REQUESTS_A_SECOND
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _ask_once(self, lines: asyncio.Queue[Line], token: str) -> None:
        line = await lines.get()
        status, _ = await line.ask(get("/api/v1/me", bearer(token)))
        lines.put_nowait(line)
        if status != 200:
            self.failed.append(str(status))
        async with self.answered:
            self.done += 1
            self.answered.notify_all()

    async def talk(self, connection: ClientConnection) -> None:
        """Say something on a socket again and again, and hear the answer."""
        while not self.ended.is_set():
            await connection.send('{"op": "ping"}')
            async with asyncio.timeout(PATIENCE):
                while "pong" not in str(await connection.recv()):
                    pass
            self.pongs += 1
            await asyncio.sleep(1)

    async def reach(self, done: int) -> None:
        """Return when so many requests were answered."""
        async with asyncio.timeout(10 * PATIENCE), self.answered:
            await self.answered.wait_for(lambda: self.done >= done)


@pytest.fixture
async def ring(two: tuple[Server, Server]) -> AsyncIterator[KeyRing]:
    """The ring of both, in the hands of whoever types `citewell signing-keys rotate`."""
    settings = two[0].settings
    database = Database.connect(settings["DATABASE_URL"])
    yield KeyRing(database, Seal(settings["CITEWELL_SECRET_KEY"]))
    await database.close()


@pytest.fixture
async def clients(two: tuple[Server, Server]) -> AsyncIterator[list[httpx.AsyncClient]]:
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=server.address, timeout=PATIENCE, trust_env=False)
            )
            for server in two
        ]


@pytest.fixture
async def sessions(two: tuple[Server, Server], clients: list[httpx.AsyncClient]) -> list[Session]:
    """Signed in with the same password, each at one of the servers."""
    name = f"turner-{time.monotonic_ns()}"
    email = f"{name}@example.org"
    person = {"name": name, "email": email, "password": PASSWORD, "role": "viewer"}
    added = await clients[0].post("/api/v1/users", json=person, headers=bearer(two[0].key))
    assert added.status_code == 201, added.text
    made = []
    for _, client in zip(range(SESSIONS), cycle(clients), strict=False):
        form = {"username": email, "password": PASSWORD}
        reply = await client.post("/api/v1/auth/token", data=form)
        assert reply.status_code == 200, reply.text
        made.append(Session(reply.json()["refresh_token"], [reply.json()["access_token"]]))
    return made


def addresses(clients: list[httpx.AsyncClient]) -> Iterator[str]:
    return (str(client.base_url).replace("http", "ws", 1) + "/ws" for client in cycle(clients))


async def test_keys_are_changed_under_load_and_no_request_fails(
    ring: KeyRing,
    clients: list[httpx.AsyncClient],
    sessions: list[Session],
    seed: int,
    storm: bool,
    record_property: Counted,
) -> None:
    rotations = STORM_ROTATIONS if storm else ROTATIONS
    between = STORM_REQUESTS if storm else REQUESTS
    async with AsyncExitStack() as stack:
        lines = [await lines_to(stack, client) for client in clients]
        load = Load(lines, sessions, random.Random(seed))
        places = zip(range(SOCKETS), addresses(clients), cycle(sessions), strict=False)
        opened = [
            await stack.enter_async_context(
                connect(url, additional_headers=bearer(session.tokens[-1]))
            )
            for _, url, session in places
        ]
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(load.ask())
            for connection in opened:
                group.create_task(load.talk(connection))
            for turn in range(rotations):
                newest = await ring.rotate(GRACE)
                # One renews at once, at a server that may not have heard; the others later on.
                await sessions[turn % SESSIONS].renew(clients[turn % 2])
                await load.reach(load.done + between)
            await until_signed_with(newest, sessions, clients)
            await load.reach(load.done + 2 * between)
            load.ended.set()
        rate = load.done / (time.monotonic() - began)
        for connection in opened:
            await connection.send('{"op": "ping"}')
            async with asyncio.timeout(PATIENCE):
                assert await connection.recv()
    assert load.failed == []
    assert load.sent == load.done >= rotations * between
    assert load.pongs >= SOCKETS
    signed = {header_of(token)["kid"] for session in sessions for token in session.tokens}
    assert newest in signed
    assert len(signed) > 1
    for name, figure in {
        "rotations": rotations, "requests": load.done, "a second": f"{rate:.1f}",
        "failed": len(load.failed), "messages on sockets": load.pongs,
        "keys that signed": len(signed),
    }.items():  # fmt: skip
        record_property(name, figure)


async def lines_to(stack: AsyncExitStack, client: httpx.AsyncClient) -> asyncio.Queue[Line]:
    """Connections to a server that are free: a client that cost much would slow the servers."""
    free: asyncio.Queue[Line] = asyncio.Queue()
    for _ in range(LINES):
        free.put_nowait(await stack.enter_async_context(line_to(str(client.base_url))))
    return free


async def until_signed_with(
    kid: str, sessions: list[Session], clients: list[httpx.AsyncClient]
) -> None:
    """Both servers sign with the newest key at last, five seconds after it was made at most."""
    deadline = time.monotonic() + PROMISED
    for session, client in zip(sessions, cycle(clients), strict=False):
        while session.kid != kid:
            began = time.monotonic()
            await session.renew(client)
            assert session.kid == kid or began <= deadline
            await asyncio.sleep(0.25)


async def test_what_a_retired_key_has_signed_is_refused_five_seconds_after_its_grace(
    ring: KeyRing,
    clients: list[httpx.AsyncClient],
    sessions: list[Session],
    record_property: Counted,
) -> None:
    """A request is late when it began more than five seconds after the grace and was served."""
    grace = 1.0
    old = sessions[0].tokens[-1]
    for client in clients:
        assert (await client.get("/api/v1/me", headers=bearer(old))).status_code == 200
    earliest = time.monotonic() + grace
    newest = await ring.rotate(timedelta(seconds=grace))
    over = time.monotonic() + grace
    last = 0.0
    for client in clients:
        while True:
            began = time.monotonic()
            reply = await client.get("/api/v1/me", headers=bearer(old))
            if reply.status_code == 401:
                assert time.monotonic() >= earliest, "refused within its grace"
                break
            assert reply.status_code == 200
            assert began <= over + PROMISED, f"served {began - over:.1f} s after its grace"
            last = max(last, began - over)
            await asyncio.sleep(0.1)
    await until_signed_with(newest, sessions, clients)
    for session, client in zip(sessions, cycle(clients), strict=False):
        me = await client.get("/api/v1/me", headers=bearer(session.tokens[-1]))
        assert me.status_code == 200
    record_property("seconds after its grace", f"{last:.1f}")
