"""What ends a credential on one server ends it on every other one within five seconds.

Two processes on one database. Everybody is known to the second one when something happens on the
first; from then on the second one is asked again and again. A request counts as late when it began
more than five seconds after the first server's reply and still succeeded: however slow the machine
is, the promise is about the beginning.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from citewell.api import sockets
from citewell.domain.principal import Scope
from tests.conftest import Counted
from tests.journeys.conftest import Server
from tests.unit.accounts.people import PASSWORD

PROMISED = 5.0
PATIENCE = 30.0
EVERY = 0.25
TOKEN, KEY, COOKIE, BY_TICKET = "access token", "API key", "cookie", "ticket"
ALL = frozenset({TOKEN, KEY, COOKIE})
SESSIONS = frozenset({TOKEN, COOKIE})


def bearer(credential: str) -> dict[str, str]:
    return {"authorization": f"Bearer {credential}"}


@dataclass(slots=True)
class Person:
    """Somebody with a credential of every kind, and a socket opened with each of them."""

    id: str
    key_id: str
    tenant: str
    headers: dict[str, dict[str, str]]
    refresh: str
    ticket: str
    open: dict[str, ClientConnection] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Servers:
    """The administrator at the first server, and everybody at the second."""

    here: httpx.AsyncClient
    there: httpx.AsyncClient

    async def person(self, name: str, stack: AsyncExitStack, tenant: str = "") -> Person:
        """Known to the second server under every credential."""
        email = f"{name}@example.org"
        body = {"name": name, "email": email, "password": PASSWORD}
        if tenant:
            made = await self.here.post("/api/v1/tenants", json={"name": tenant, "owner": body})
            assert made.status_code == 201, made.text
        else:
            added = await self.here.post("/api/v1/users", json={**body, "role": "admin"})
            assert added.status_code == 201, added.text
        form = {"username": email, "password": PASSWORD}
        pair = (await self.there.post("/api/v1/auth/token", data=form)).json()
        token = bearer(pair["access_token"])
        key = await self.here.post(
            "/api/v1/api-keys", json={"name": "k", "scopes": sorted(Scope)}, headers=token
        )
        assert key.status_code == 201, key.text
        signed_in = await self.there.post("/signin", json={"key": key.json()["key"]})
        assert signed_in.status_code == 204, signed_in.text
        cookie = signed_in.headers["set-cookie"].partition(";")[0]
        self.there.cookies.clear()
        headers = {TOKEN: token, KEY: bearer(key.json()["key"]), COOKIE: {"cookie": cookie}}
        me = (await self.there.get("/api/v1/me", headers=token)).json()
        tickets = [await self.ticket(token) for _ in range(2)]
        found = Person(
            me["id"], key.json()["id"], made.json()["id"] if tenant else "", headers,
            pair["refresh_token"], tickets[0],
        )  # fmt: skip
        place = str(self.there.base_url).removeprefix("http://")
        own = Origin(f"http://{place}")
        for kind, carried in headers.items():
            socket = connect(f"ws://{place}/ws", additional_headers=carried, origin=own)
            found.open[kind] = await stack.enter_async_context(socket)
        by_ticket = connect(f"ws://{place}/ws?ticket={tickets[1]}", origin=own)
        found.open[BY_TICKET] = await stack.enter_async_context(by_ticket)
        return found

    async def ticket(self, token: dict[str, str]) -> str:
        """Made by the first server, to be used at the second."""
        reply = await self.here.post("/api/v1/auth/socket-ticket", headers=token)
        return str(reply.json()["ticket"])

    async def status(self, person: Person, kind: str) -> int:
        """What an administrator's request gets at the second server."""
        reply = await self.there.get("/api/v1/users", headers=person.headers[kind])
        return reply.status_code


@pytest.fixture
async def servers(two: tuple[Server, Server]) -> AsyncIterator[Servers]:
    first, second = two
    async with (
        httpx.AsyncClient(base_url=first.address, timeout=PATIENCE, trust_env=False) as here,
        httpx.AsyncClient(base_url=second.address, timeout=PATIENCE, trust_env=False) as there,
    ):
        here.headers.update(bearer(first.key))
        yield Servers(here, there)


async def suspend(servers: Servers, person: Person) -> httpx.Response:
    return await servers.here.patch(f"/api/v1/users/{person.id}", json={"suspended": True})


async def remove(servers: Servers, person: Person) -> httpx.Response:
    return await servers.here.delete(f"/api/v1/users/{person.id}")


async def lower(servers: Servers, person: Person) -> httpx.Response:
    return await servers.here.patch(f"/api/v1/users/{person.id}", json={"role": "viewer"})


async def sign_out_everywhere(servers: Servers, person: Person) -> httpx.Response:
    own, everywhere = person.headers[TOKEN], {"everywhere": "true"}
    return await servers.here.post("/api/v1/auth/logout", headers=own, params=everywhere)


async def set_password(servers: Servers, person: Person) -> httpx.Response:
    body = {"password": "seven quiet lighthouses"}
    return await servers.here.put(f"/api/v1/users/{person.id}/password", json=body)


async def revoke_key(servers: Servers, person: Person) -> httpx.Response:
    return await servers.here.delete(f"/api/v1/api-keys/{person.key_id}")


async def shut_tenant(servers: Servers, person: Person) -> httpx.Response:
    return await servers.here.patch(f"/api/v1/tenants/{person.tenant}", json={"suspended": True})


@dataclass(frozen=True, slots=True)
class Ending:
    """Something that happens at the first server, and what it ends at the second one."""

    happens: Callable[[Servers, Person], Awaitable[httpx.Response]]
    ends: frozenset[str]
    status: int = 401
    closes: bool = True
    tenant: str = ""


ENDINGS = {
    "suspended": Ending(suspend, ALL),
    "removed": Ending(remove, ALL),
    # A viewer may ask: nothing that is open closes, but nobody is administered any more.
    "lowered": Ending(lower, ALL, status=403, closes=False),
    "gone": Ending(sign_out_everywhere, SESSIONS),
    "renewed": Ending(set_password, SESSIONS),
    # The session was opened with the key: whoever has stolen that one must not stay.
    "keyless": Ending(revoke_key, frozenset({KEY, COOKIE})),
    "shut": Ending(shut_tenant, ALL, tenant="shut"),
}


@dataclass(slots=True)
class Told:
    """How long after an ending the second server let something through; its slowest answer."""

    requests: float = 0.0
    sockets: float = 0.0
    slowest: float = 0.0


async def see_refused(
    servers: Servers, person: Person, ending: Ending, kind: str, told: Told
) -> None:
    """Ask until it is refused; what began later than promised must be."""
    ended = time.monotonic()
    while True:
        began = time.monotonic()
        status = await servers.status(person, kind)
        told.slowest = max(told.slowest, time.monotonic() - began)
        if status == ending.status:
            return
        assert status == 200, (ending, kind, status)
        late = began - ended
        assert late <= PROMISED, f"{kind} still opened {late:.1f} s after {ending}"
        told.requests = max(told.requests, late)
        await asyncio.sleep(EVERY)


async def see_closed(person: Person, kind: str, told: Told) -> None:
    """Wait until a socket is closed."""
    ended = time.monotonic()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ConnectionClosed) as closed:
            await heard_to_the_end(person.open[kind])
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == sockets.UNAUTHENTICATED
    told.sockets = max(told.sockets, time.monotonic() - ended)


async def heard_to_the_end(connection: ClientConnection) -> None:
    while True:
        await connection.recv()


async def see_all(servers: Servers, person: Person, ending: Ending, told: Told) -> None:
    """Make it happen, then watch everything at the second server."""
    for kind in ALL:
        assert await servers.status(person, kind) == 200
    reply = await ending.happens(servers, person)
    assert reply.is_success, (ending, reply.text)
    closing = {*ending.ends, *({BY_TICKET} if TOKEN in ending.ends else set())}
    closing = closing if ending.closes else set()
    await asyncio.gather(
        *(see_refused(servers, person, ending, kind, told) for kind in ending.ends),
        *(see_closed(person, kind, told) for kind in closing),
    )
    await see_what_stays(servers, person, ending, closing)


async def see_what_stays(
    servers: Servers, person: Person, ending: Ending, closed: set[str]
) -> None:
    """What did not end goes on; what opens once is refused at once."""
    for kind in ALL - ending.ends:
        assert await servers.status(person, kind) == 200, (ending, kind)
    for kind in person.open.keys() - closed:
        await person.open[kind].send('{"op": "ping"}')
        async with asyncio.timeout(PATIENCE):
            while "pong" not in str(await person.open[kind].recv()):
                pass
    session_is_over = TOKEN in ending.ends and ending.status == 401
    body = {"refresh_token": person.refresh}
    refreshed = await servers.there.post("/api/v1/auth/refresh", json=body)
    assert refreshed.status_code == (401 if session_is_over else 200), ending
    url = f"{servers.there.base_url}/ws?ticket={person.ticket}".replace("http", "ws", 1)
    opened = await handshake(url)
    assert opened == (401 if session_is_over else 101), ending


async def handshake(url: str) -> int:
    try:
        async with connect(url):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def test_whatever_ends_a_credential_ends_it_on_the_other_server_too(
    servers: Servers, record_property: Counted
) -> None:
    told = Told()
    async with AsyncExitStack() as stack:
        people = [
            await servers.person(name, stack, ending.tenant) for name, ending in ENDINGS.items()
        ]
        async with asyncio.TaskGroup() as group:
            for person, ending in zip(people, ENDINGS.values(), strict=True):
                group.create_task(see_all(servers, person, ending, told))
    record_property("seconds until the last request", f"{told.requests:.1f}")
    record_property("seconds until the last socket", f"{told.sockets:.1f}")
    # A socket closes when the server gets to it: what it took to answer anything is its machine's.
    assert told.sockets <= PROMISED + told.slowest
