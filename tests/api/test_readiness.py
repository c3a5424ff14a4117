"""The server listens before its database is there, and says why it waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from pydantic import SecretStr

from citewell.api.app import create_app
from citewell.bootstrap import App
from citewell.domain.errors import StartError
from citewell.storage.database import Database
from tests.api.conftest import listening


async def test_it_answers_before_it_is_ready_and_serves_when_it_is(app: App) -> None:
    gate = asyncio.Event()

    @asynccontextmanager
    async def slowly() -> AsyncIterator[App]:
        await gate.wait()
        yield app

    api = create_app(app.settings, slowly)
    headers = {"authorization": f"Bearer {app.admin_key}"}
    async with (
        listening(api) as address,
        httpx.AsyncClient(base_url=f"http://{address}", headers=headers) as client,
    ):
        assert (await client.get("/livez")).status_code == 200
        for path in ("/readyz", "/api/v1/info", "/", "/metrics", "/nothing"):
            reply = await client.get(path)
            assert reply.status_code == 503, path
            assert reply.json()["code"] == "unavailable"
            assert reply.json()["retryable"] is True
            assert int(reply.headers["retry-after"]) >= 1
        gate.set()
        async with asyncio.timeout(10):
            while (await client.get("/readyz")).is_error:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert (await client.get("/api/v1/info")).status_code == 200


async def test_a_start_that_cannot_succeed_is_told_by_its_reason(app: App) -> None:
    @asynccontextmanager
    async def hopeless() -> AsyncIterator[App]:
        if app:
            raise StartError("The database was made by a newer release.")
        yield app

    api = create_app(app.settings, hopeless)
    async with (
        listening(api) as address,
        httpx.AsyncClient(base_url=f"http://{address}") as client,
    ):
        reply = await client.get("/readyz")
        assert reply.status_code == 503
        assert reply.json()["detail"] == "The database was made by a newer release."
        assert (await client.get("/livez")).status_code == 200


async def test_a_database_that_goes_away_makes_it_unready_but_alive(
    client: httpx.AsyncClient, app: App
) -> None:
    assert (await client.get("/readyz")).json()["checks"] == {"database": "ok"}
    address = SecretStr("postgresql://nobody@127.0.0.1:9/nothing").get_secret_value()
    gone = Database.connect(address)
    there = app.database.engine
    object.__setattr__(app.database, "engine", gone.engine)
    reply = await client.get("/readyz")
    assert reply.status_code == 503
    assert reply.json()["detail"] == "The database cannot be reached."
    assert (await client.get("/livez")).status_code == 200
    app.accounts.recognition.forget()
    refused = await client.post("/api/v1/search", json={"query": "x"})
    assert refused.status_code == 503
    assert refused.json()["retryable"] is True
    await gone.close()
    object.__setattr__(app.database, "engine", there)
