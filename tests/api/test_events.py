"""Following a run over a real connection: resumed, refused, cut off, closed."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from citewell.api import event_stream, sockets, vigil
from citewell.api.limiting.rates import Rates
from citewell.bootstrap import App
from citewell.config import LimitSettings
from citewell.domain.ids import ConversationId, RunId, new_id
from citewell.domain.principal import Role, Scope
from citewell.domain.runs.states import RunState
from citewell.storage.at_once.appending import append
from citewell.storage.repositories.conversing.run_log import Batch
from tests.api.conftest import Keys, listening

SECONDS = 10


@pytest.fixture
async def address(api: FastAPI) -> AsyncIterator[str]:
    async with served(api) as found:
        yield found


@asynccontextmanager
async def served(api: FastAPI) -> AsyncIterator[str]:
    stop = asyncio.Event()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def serve() -> None:
        async with listening(api) as found:
            ready.set_result(found)
            await stop.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(serve())
        try:
            yield await ready
        finally:
            stop.set()


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def stored_run(app: App, count: int, *, state: RunState | None = RunState.FINISHED) -> str:
    """A run of the administrator with `count` events."""
    principal = await app.accounts.administrator()
    run_id = RunId(new_id())
    events: Sequence[dict[str, Any]] = [
        {"type": "CUSTOM", "name": "number", "value": f"{number} ä\n"}
        for number in range(count - 1)
    ]
    async with app.database.transaction(principal.tenant_id) as tx:
        conversation: ConversationId = await tx.conversations.create(principal.user_id, "T")
        await tx.runs.create(run_id, conversation, principal.user_id, {"text": "T"}, events)
        if state is not None:
            last = {"type": "RUN_FINISHED", "outcome": {"type": "success"}}
            await tx.runs.finish(run_id, state, [last])
    return str(run_id)


async def read_events(reply: httpx.Response) -> list[int]:
    text = (await reply.aread()).decode()
    assert "\r" not in text
    assert "event:" not in text
    frames = [frame for frame in text.split("\n\n") if frame and not frame.startswith(":")]
    for frame in frames:
        number, data = frame.split("\n")
        assert number.startswith("id: ")
        assert json.loads(data.removeprefix("data: "))["type"]
    return [int(frame.split("\n")[0].removeprefix("id: ")) for frame in frames]


async def test_a_reader_that_comes_back_gets_exactly_the_rest(address: str, app: App) -> None:
    run = await stored_run(app, 6)
    async with httpx.AsyncClient(
        base_url=f"http://{address}", headers=bearer(app.admin_key), timeout=SECONDS
    ) as client:
        for last in range(-1, 5):
            path = f"/api/v1/runs/{run}/events"
            for reply in (
                await client.get(path, params={"after": last}),
                await client.get(path, headers={"last-event-id": str(last)}),
            ):
                assert reply.status_code == 200
                assert reply.headers["content-type"].startswith("text/event-stream")
                assert reply.headers["cache-control"] == "no-store"
                assert reply.headers["x-accel-buffering"] == "no"
                assert await read_events(reply) == list(range(last + 1, 6))
        over = await client.get(path, headers={"last-event-id": "5"})
        assert over.status_code == 204
        assert (await client.get(path, headers={"last-event-id": "x"})).status_code == 422
        assert (await client.get(f"/api/v1/runs/{new_id()}/events")).status_code == 404


async def test_a_stream_goes_on_while_the_run_does_and_says_that_it_lives(
    address: str, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "PING_SECONDS", 0.05)
    run = await stored_run(app, 2, state=None)
    principal = await app.accounts.administrator()
    url = f"http://{address}/api/v1/runs/{run}/events"
    seen = b""
    async with (
        asyncio.timeout(SECONDS),
        httpx.AsyncClient(headers=bearer(app.admin_key)) as client,
        client.stream("GET", url) as reply,
    ):
        async for piece in reply.aiter_bytes():
            seen += piece
            if b": ping\n\n" in seen and b"id: 0\n" in seen:
                break
        async with app.database.transaction(principal.tenant_id) as tx:
            last = {"type": "RUN_FINISHED", "outcome": {"type": "success"}}
            await tx.runs.finish(RunId(UUID(run)), RunState.FINISHED, [last])
    assert b"RUN_FINISHED" not in seen
    async with httpx.AsyncClient(headers=bearer(app.admin_key)) as client:
        assert await read_events(await client.get(url, params={"after": 0})) == [1]


async def test_a_reader_that_leaves_does_not_stop_the_run(address: str, app: App) -> None:
    run = await stored_run(app, 2, state=None)
    url = f"http://{address}/api/v1/runs/{run}/events"
    async with (
        asyncio.timeout(SECONDS),
        httpx.AsyncClient(headers=bearer(app.admin_key)) as client,
    ):
        async with client.stream("GET", url) as reply:
            await anext(reply.aiter_bytes())
        shown = (await client.get(f"http://{address}/api/v1/runs/{run}")).json()
    assert shown["state"] == "running"
    assert shown["cancel_requested"] is False


@asynccontextmanager
async def socket_of(address: str, key: str, **headers: str) -> AsyncIterator[ClientConnection]:
    async with (
        asyncio.timeout(SECONDS),
        connect(f"ws://{address}/ws", additional_headers=bearer(key) | headers) as opened,
    ):
        yield opened


async def hear(connection: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(SECONDS):
        said: dict[str, Any] = json.loads(await connection.recv())
    return said


async def test_a_question_on_the_socket_is_answered_by_numbered_events(
    address: str, app: App
) -> None:
    for question in ("What is this?", json.dumps({"input": "What is this?"})):
        async with socket_of(address, app.admin_key) as connection:
            await connection.send(question)
            frames = [await hear(connection)]
            while frames[-1]["event"]["type"] not in {"RUN_FINISHED", "RUN_ERROR"}:
                frames.append(await hear(connection))
        assert [frame["seq"] for frame in frames] == list(range(len(frames)))
        assert frames[0]["event"]["type"] == "RUN_STARTED"
        assert frames[-1]["event"]["type"] == "RUN_FINISHED"
        assert len({frame["run"] for frame in frames}) == 1


async def test_the_socket_resumes_a_run_and_answers_what_it_cannot_do(
    address: str, app: App
) -> None:
    run = await stored_run(app, 4)
    async with socket_of(address, app.admin_key) as connection:
        await connection.send(json.dumps({"op": "sub", "run": run, "after": 1}))
        assert [(await hear(connection))["seq"] for _ in range(2)] == [2, 3]
        await connection.send(json.dumps({"op": "ping", "id": "p"}))
        assert await hear(connection) == {"pong": True, "id": "p"}
        refused = [
            ({"op": "sub"}, "invalid"),
            ({"op": "sub", "run": str(new_id())}, "not_found"),
            ({"op": "cancel", "run": str(new_id())}, "not_found"),
            ({"op": "dance"}, "invalid"),
            ({"op": "start", "input": ""}, "invalid"),
            ({"op": "start"}, "invalid"),
            ({"input": "x", "collections": ["nowhere"]}, "not_found"),
            ({"input": "x", "extra": 1}, "invalid"),
            ({"input": "\ud800"}, "invalid"),
            ({"input": "x" * 9000}, "invalid"),
        ]
        for command, code in refused:
            await connection.send(json.dumps(command))
            said = await hear(connection)
            assert said["error"]["code"] == code, (command, said)
            assert said["error"]["detail"]


ORIGINS = (
    "null",
    "http://evil.example",
    "https://{own}",
    "http://{own}.evil.example",
    "http://{own}@evil.example",
    "http://user@{own}",
    "http://localhost",
    "http://127.0.0.1",
    "http://{own}0",
    "http://{own}/",
    "ws://{own}",
    "file://",
    "http://xn--127-0-0-1.example",
    "javascript:alert(1)",
    "http://[::1",
    "",
)


async def test_a_page_of_another_origin_never_gets_a_socket(address: str, app: App) -> None:
    for origin in ORIGINS:
        with pytest.raises(InvalidStatus) as refused:
            async with socket_of(address, app.admin_key, origin=origin.format(own=address)):
                pass
        assert refused.value.response.status_code == 403, origin
        assert refused.value.response.headers["x-content-type-options"] == "nosniff"
    async with socket_of(address, app.admin_key, origin=f"http://{address}") as connection:
        await connection.send(json.dumps({"op": "ping"}))
        assert await hear(connection) == {"pong": True}


async def test_a_socket_needs_a_credential_that_may_ask(address: str, app: App, keys: Keys) -> None:
    narrow = await keys.make(Role.OWNER, frozenset({Scope.SEARCH}))
    revoked = await keys.make_revoked()
    for key, status in (("", 401), ("x" * 43, 401), (revoked, 401), (narrow, 403)):
        with pytest.raises(InvalidStatus) as refused:
            async with socket_of(address, key):
                pass
        response = refused.value.response
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
    session = await app.accounts.open_session(await app.accounts.administrator())
    cookie = {"cookie": f"citewell_session={session}"}
    async with connect(
        f"ws://{address}/ws", additional_headers=cookie, origin=Origin(f"http://{address}")
    ) as connection:
        await connection.send("{}")
        assert (await hear(connection))["error"]["code"] == "invalid"
    with pytest.raises(InvalidStatus):
        async with connect(f"ws://{address}/ws", additional_headers=cookie):
            pass
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{address}/ws", additional_headers={"host": "evil.example"}):
            pass
    assert refused.value.response.status_code in {400, 421}


async def test_a_session_that_ends_closes_its_socket(
    address: str, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vigil, "RECHECK_SECONDS", 0.1)
    session = await app.accounts.open_session(await app.accounts.administrator())
    async with socket_of(address, session) as connection:
        await app.accounts.close_session(session)
        with pytest.raises(ConnectionClosed) as closed:
            await hear(connection)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == sockets.UNAUTHENTICATED


async def test_frames_that_are_too_big_or_no_text_close_the_socket(address: str, app: App) -> None:
    for frame, code in (
        ("x" * (sockets.FRAME_BYTES + 1), sockets.TOO_BIG),
        ("ä" * 40_000, sockets.TOO_BIG),
        (b"binary", sockets.NOT_TEXT),
    ):
        async with socket_of(address, app.admin_key) as connection:
            await connection.send(frame)
            with pytest.raises(ConnectionClosed) as closed:
                await hear(connection)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == code


async def ping_and_hear(connection: ClientConnection, times: int) -> None:
    for _ in range(times):
        await connection.send('{"op": "ping"}')
    for _ in range(times):
        await hear(connection)


async def test_a_flood_of_frames_closes_the_socket(address: str, api: FastAPI, app: App) -> None:
    api.state.server.rates = Rates(LimitSettings(requests_per_key=5))
    async with socket_of(address, app.admin_key) as connection:
        with pytest.raises(ConnectionClosed) as closed:
            await ping_and_hear(connection, 50)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == sockets.LIMITED


async def test_a_socket_beats_while_nothing_happens(
    address: str, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "BEAT_SECONDS", 0.05)
    async with socket_of(address, app.admin_key) as connection:
        assert await hear(connection) == {"hb": True}


async def test_a_reader_that_does_not_read_is_let_go(
    address: str, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its queue is bounded, its connection ends, and nobody else notices."""
    monkeypatch.setattr(sockets, "SEND_SECONDS", 0.3)
    closings: list[int] = []
    close = sockets.Connection._close

    async def noted(self: sockets.Connection, closing: Any) -> None:
        closings.append(closing.code)
        await close(self, closing)

    monkeypatch.setattr(sockets.Connection, "_close", noted)
    run = await big_run(app)
    host, port = address.split(":")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect((host, int(port)))
    raw.setblocking(False)
    async with asyncio.timeout(SECONDS):
        connection = await connect(
            f"ws://{address}/ws", sock=raw, additional_headers=bearer(app.admin_key), max_queue=1
        )
        await connection.send(json.dumps({"op": "sub", "run": run}))
        while not closings:  # noqa: ASYNC110  # The server's own state is what we wait for.
            await asyncio.sleep(0.05)
        assert closings == [sockets.SLOW]
        async with socket_of(address, app.admin_key) as other:
            await other.send('{"op": "ping"}')
            assert await hear(other) == {"pong": True}
        connection.transport.abort()


async def big_run(app: App) -> str:
    principal = await app.accounts.administrator()
    run_id = RunId(new_id())
    async with app.database.transaction(principal.tenant_id) as tx:
        conversation = await tx.conversations.create(principal.user_id, "T")
        await tx.runs.create(run_id, conversation, principal.user_id, {"text": "T"})
    seal = await app.database.seal(principal)
    for batch in range(10):
        # Random, because the connection compresses what repeats.
        events = [
            {"type": "CUSTOM", "name": "n", "value": os.urandom(25_000).hex()} for _ in range(40)
        ]
        await append(app.database.write, seal, Batch(run_id, 40 * batch - 1, events))
    return str(run_id)


async def test_a_reader_of_events_that_are_kept_no_longer_is_told_so(
    address: str, app: App, postgres_url: str
) -> None:
    run = await stored_run(app, 6)
    await forget(postgres_url, run, before=3)
    path = f"http://{address}/api/v1/runs/{run}/events"
    async with httpx.AsyncClient(headers=bearer(app.admin_key), timeout=SECONDS) as client:
        for last in (-1, 0, 1):
            gone = await client.get(path, params={"after": last})
            assert gone.status_code == 410, last
            assert gone.json()["code"] == "gone"
        assert await read_events(await client.get(path, params={"after": 2})) == [3, 4, 5]
        assert (await client.get(path, params={"after": 5})).status_code == 204
        await forget(postgres_url, run, before=100)
        assert (await client.get(path, params={"after": 2})).status_code == 410
        assert (await client.get(path, params={"after": 5})).status_code == 204
    async with socket_of(address, app.admin_key) as connection:
        await connection.send(json.dumps({"op": "sub", "run": run}))
        assert (await hear(connection))["error"]["code"] == "gone"


async def forget(url: str, run: str, *, before: int) -> None:
    """What a retention of events would do."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(
            "DELETE FROM run_events WHERE run_id = %s AND seq < %s", (run, before)
        )


async def test_a_command_that_is_refused_names_the_field(address: str, app: App) -> None:
    async with socket_of(address, app.admin_key) as connection:
        await connection.send(json.dumps({"op": "dance", "id": "7"}))
        said = await hear(connection)
    assert said["error"]["errors"][0]["field"] == "op"
