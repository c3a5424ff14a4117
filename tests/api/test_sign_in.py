"""The doors for people: a password, a refresh, a ticket, and what ends all of them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from citewell.api import sockets, vigil
from citewell.bootstrap import App
from citewell.domain.ids import DEFAULT_TENANT, TenantId
from citewell.domain.principal import Principal, Role, Scope
from tests.api.conftest import Keys
from tests.api.test_events import hear, served, stored_run
from tests.unit.accounts.people import PASSWORD, add_person

ADA = "ada@example.org"
SECONDS = 10
# Redeemed by so many at once; make of it as many as the machine's patience allows.
TICKETS, STORM_TICKETS, AT_ONCE = 60, 1000, 5


@pytest.fixture
async def ada(app: App) -> Principal:
    await app.accounts.ring.ensure()
    await app.accounts.administrator()
    return await add_person(app.accounts, DEFAULT_TENANT, ADA)


@pytest.fixture
async def address(api: FastAPI) -> AsyncIterator[str]:
    async with served(api) as found:
        yield found


async def sign_in(client: httpx.AsyncClient, **fields: str) -> httpx.Response:
    form = {"grant_type": "password", "username": ADA, "password": PASSWORD, **fields}
    return await client.post("/api/v1/auth/token", data=form)


async def tokens(client: httpx.AsyncClient, **fields: str) -> dict[str, Any]:
    reply = await sign_in(client, **fields)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def bearer(credential: str) -> dict[str, str]:
    return {"authorization": f"Bearer {credential}"}


async def opens(client: httpx.AsyncClient, credential: str) -> bool:
    reply = await client.get("/api/v1/info", headers=bearer(credential))
    assert reply.status_code in {200, 401}
    return reply.status_code == 200


async def test_a_password_opens_a_session_that_a_refresh_carries_on(
    anonymous: httpx.AsyncClient, ada: Principal
) -> None:
    first = await tokens(anonymous)
    assert first["token_type"] == "bearer"
    assert 0 < first["expires_in"] <= 600
    assert set(first["scope"].split()) == set(Scope)
    assert await opens(anonymous, first["access_token"])
    assert not await opens(anonymous, first["refresh_token"])
    body = {"refresh_token": first["refresh_token"]}
    second = (await anonymous.post("/api/v1/auth/refresh", json=body)).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert await opens(anonymous, second["access_token"])
    assert (await anonymous.post("/api/v1/auth/refresh", json=body)).status_code == 409
    body = {"refresh_token": "x" * 43}
    assert (await anonymous.post("/api/v1/auth/refresh", json=body)).status_code == 401


async def test_a_session_has_the_scopes_and_the_tenant_that_were_asked_for(
    anonymous: httpx.AsyncClient, app: App, ada: Principal, other_tenant: TenantId
) -> None:
    async with app.database.transaction(other_tenant) as tx:
        await tx.users.join(ada.user_id, Role.VIEWER)
    pair = await tokens(anonymous, scope="search ask", tenant=str(other_tenant))
    found = await app.accounts.authenticate(pair["access_token"])
    assert (found.tenant_id, found.role) == (other_tenant, Role.VIEWER)
    assert found.scopes == {Scope.SEARCH, Scope.ASK}
    headers = bearer(pair["access_token"])
    assert (await anonymous.get("/api/v1/documents", headers=headers)).status_code == 403
    assert (await sign_in(anonymous, scope="everything")).status_code == 422


async def test_who_cannot_sign_in_is_told_nothing_and_soon_to_wait(
    anonymous: httpx.AsyncClient, ada: Principal
) -> None:
    said = set()
    for form in ({"password": "wrong"}, {"username": "nobody@example.org"}, {"tenant": "other"}):
        reply = await sign_in(anonymous, **form)
        assert reply.status_code == 401
        said.add((reply.json()["detail"], reply.json()["hint"]))
    assert len(said) == 1
    replies = [await sign_in(anonymous, password="wrong") for _ in range(9)]
    assert {one.status_code for one in replies} == {401, 429}
    assert 0 < int(replies[-1].headers["retry-after"]) <= 60


async def test_a_form_is_a_small_form_with_each_field_once(anonymous: httpx.AsyncClient) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    for body, status in (
        (b"username=a&username=b&password=c", 422),
        (b"username=a&password=" + b"c" * 2000, 422),
        (b"username=a&password=%ff", 422),
        ("username=a&password=ü".encode(), 422),
        (b"&".join(b"f%d=1" % n for n in range(17)), 422),
        (b"x=" + b"a" * 1_000_001, 413),
        (b"password=c", 422),
        (b"", 422),
        (b"username=a&password=c&client_id=x&state=y", 401),
    ):
        reply = await anonymous.post("/api/v1/auth/token", content=body, headers=kind)
        assert reply.status_code == status, (body[:60], reply.text)
    as_json = {"username": "a", "password": "c"}
    assert (await anonymous.post("/api/v1/auth/token", json=as_json)).status_code == 415
    multipart = {"file": ("username", b"a")}
    assert (await anonymous.post("/api/v1/auth/token", files=multipart)).status_code == 415


async def test_signing_out_ends_one_session_or_every_one(
    anonymous: httpx.AsyncClient, app: App, ada: Principal
) -> None:
    one, two, three = [(await tokens(anonymous))["access_token"] for _ in range(3)]
    browser = await app.accounts.open_session(ada)
    path = "/api/v1/auth/logout"
    assert (await anonymous.post(path, headers=bearer(one))).status_code == 204
    assert [await opens(anonymous, t) for t in (one, two, browser)] == [False, True, True]
    everywhere = {"everywhere": "true"}
    ended = await anonymous.post(path, headers=bearer(two), params=everywhere)
    assert ended.status_code == 204
    assert not any([await opens(anonymous, t) for t in (two, three, browser)])
    by_key = await anonymous.post(path, headers=bearer(app.admin_key))
    assert by_key.status_code == 403, "an API key is no session"


async def ticket(client: httpx.AsyncClient, credential: str) -> str:
    reply = await client.post("/api/v1/auth/socket-ticket", headers=bearer(credential))
    assert reply.status_code == 200, reply.text
    return str(reply.json()["ticket"])


async def pong(address: str, credential: str) -> bool:
    """Whether a ticket opens a socket from the page's own origin."""
    own = Origin(f"http://{address}")
    try:
        async with connect(f"ws://{address}/ws?ticket={credential}", origin=own) as connection:
            await connection.send('{"op": "ping"}')
            return await hear(connection) == {"pong": True}
    except InvalidStatus as refused:
        if refused.response.status_code != 401:
            raise
        return False


async def test_a_ticket_opens_one_socket_however_many_try_at_once(
    anonymous: httpx.AsyncClient, app: App, ada: Principal, address: str, storm: bool
) -> None:
    access = (await tokens(anonymous))["access_token"]
    for credential in (access, app.admin_key):
        only = await ticket(anonymous, credential)
        assert [await pong(address, only) for _ in range(2)] == [True, False]
    for _ in range(STORM_TICKETS if storm else TICKETS):
        only = await ticket(anonymous, access)
        opened = await asyncio.gather(*(pong(address, only) for _ in range(AT_ONCE)))
        assert sum(opened) == 1
    for wrong in ("", "x" * 43, access, app.admin_key, "x" * 5_000):
        assert not await pong(address, wrong)


async def test_a_ticket_is_no_key_to_anything_else(
    anonymous: httpx.AsyncClient, app: App, ada: Principal, address: str
) -> None:
    access = (await tokens(anonymous))["access_token"]
    only = await ticket(anonymous, access)
    assert not await opens(anonymous, only)
    reply = await anonymous.get("/api/v1/documents", params={"ticket": only})
    assert reply.status_code == 401
    headers = bearer(access)
    assert (await anonymous.post("/api/v1/auth/logout", headers=headers)).status_code == 204
    assert not await pong(address, only), "it ends with the session that asked for it"


async def end_session(app: App, ada: Principal, access: str, client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/v1/auth/logout", headers=bearer(access))).status_code == 204


async def suspend(app: App, ada: Principal, access: str, client: httpx.AsyncClient) -> None:
    async with app.database.transaction(ada.tenant_id) as tx:
        await tx.users.suspend(ada.user_id, suspended=True)


async def leave(app: App, ada: Principal, access: str, client: httpx.AsyncClient) -> None:
    async with app.database.transaction(ada.tenant_id) as tx:
        await tx.users.leave(ada.user_id)


@pytest.mark.parametrize("end", [end_session, suspend, leave])
async def test_what_is_open_closes_with_the_session_whoever_ends_it(
    anonymous: httpx.AsyncClient,
    app: App,
    ada: Principal,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    end: Any,
) -> None:
    assert vigil.RECHECK_SECONDS <= 4, "five seconds are promised"
    monkeypatch.setattr(vigil, "RECHECK_SECONDS", 0.1)
    access = (await tokens(anonymous))["access_token"]
    url = f"ws://{address}/ws?ticket={await ticket(anonymous, access)}"
    async with (
        asyncio.timeout(SECONDS),
        connect(url) as by_ticket,
        connect(f"ws://{address}/ws", additional_headers=bearer(access)) as by_token,
        connect(f"ws://{address}/ws", additional_headers=bearer(app.admin_key)) as other,
    ):
        await end(app, ada, access, anonymous)
        for connection in (by_ticket, by_token):
            with pytest.raises(ConnectionClosed) as closed:
                await hear(connection)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == sockets.UNAUTHENTICATED
        await other.send('{"op": "ping"}')
        assert await hear(other) == {"pong": True}


async def test_a_stream_of_events_ends_with_the_key_that_opened_it(
    app: App, keys: Keys, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vigil, "RECHECK_SECONDS", 0.1)
    session = await app.accounts.open_session(await app.accounts.administrator())
    run = await stored_run(app, 2, state=None)
    url = f"http://{address}/api/v1/runs/{run}/events"
    async with (
        asyncio.timeout(SECONDS),
        httpx.AsyncClient(headers=bearer(session)) as client,
        client.stream("GET", url) as reply,
    ):
        pieces = reply.aiter_bytes()
        assert b"id: 0\n" in await anext(pieces)
        await app.accounts.close_session(session)
        rest = b"".join([piece async for piece in pieces])
    assert b"RUN_FINISHED" not in rest


HOSTS = (
    "http://evil.example", "https://{own}", "http://{own}.evil.example", "http://evil.example/{own}",
    "http://{own}@evil.example", "http://user@{own}", "http://user:pass@{own}", "http://{own}/",
    "http://{own}/path", "http://{own}?q", "http://{own}#f", "null", "NULL", "file://", "file:///x",
    "http://", "http:", "//{own}", "{own}", "ftp://{own}", "ws://{own}", "wss://{own}",
    "chrome-extension://{own}", "data:text/html,x", "javascript:{own}", "http://{host}",
    "http://{host}:80", "http://{host}:443", "http://{host}:{port}0", "http://{host}:0{port}x",
    "http://{host}:-{port}", "http://{host}:{port}:{port}", "http://localhost:{port}",
    "http://127.0.0.1.:{port}", "http://127.0.0.2:{port}", "http://127.1:{port}",
    "http://0177.0.0.1:{port}", "http://2130706433:{port}", "http://0x7f000001:{port}",
    "http://[::1]:{port}", "http://[::ffff:127.0.0.1]:{port}", "http://0.0.0.0:{port}",
    "http://127.0.0.1%00.evil.example:{port}", "http://127.0.0.1\t.evil:{port}",
    "http://xn--27-ada.example:{port}", "http://127。0。0。1:{port}", "http://１２７.0.0.1:{port}",
    "http://evil.example:{port}", "http://evil.example#@{own}", "http://evil.example\\@{own}",
    "http://{own}\\.evil.example", "http://{own},http://evil.example",
    "http://evil.example,http://{own}", "http://{own} http://evil.example", "http://*",
    "*", "http://*.{own}", "http://{own}..", "http://.{own}", "http://{own}%2eevil.example", "true",
    "undefined",
)  # fmt: skip


async def test_sixty_hostile_origins_never_get_a_socket(
    anonymous: httpx.AsyncClient, app: App, ada: Principal, address: str
) -> None:
    assert len(set(HOSTS)) >= 60
    host, port = address.split(":")
    only = await ticket(anonymous, app.admin_key)
    for pattern in HOSTS:
        origin = pattern.format(own=address, host=host, port=port)
        status = await handshake(address, origin, only)
        assert status == 403, (origin, status)
    assert await pong(address, only), "none of them has used the ticket up"


async def handshake(address: str, origin: str, only: str) -> int:
    """The status of a handshake whose `Origin` no well-behaved client would send."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = (
        f"GET /ws?ticket={only} HTTP/1.1", f"Host: {address}", "Connection: Upgrade",
        "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Origin: {origin}", "", "",
    )  # fmt: skip
    writer.write("\r\n".join(lines).encode())
    try:
        async with asyncio.timeout(SECONDS):
            return int((await reader.readline()).split()[1])
    finally:
        writer.close()
        await writer.wait_closed()
