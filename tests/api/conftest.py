"""A real application on a real database and blob store, and clients of it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from citewell.accounts.credentials import digest, new_key
from citewell.api.app import create_app
from citewell.api.limiting.rates import Rates
from citewell.bootstrap import App, Core, _wire, chat_model
from citewell.cli.running.socket_protocol import SocketProtocol
from citewell.config import LimitSettings, Settings
from citewell.documents.ingest import Ingestion
from citewell.documents.parsers.host import ParserHost
from citewell.domain.ids import DEFAULT_TENANT, TenantId
from citewell.domain.principal import Role, Scope
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.storage.blobs import BlobStore
from citewell.storage.database import Database
from citewell.storage.home import prepare_home
from citewell.storage.notifications import Notifications
from citewell.storage.repositories.collections import CHANGES_TOPIC
from citewell.storage.repositories.conversing.run_log import RUNS_TOPIC
from citewell.storage.repositories.jobs import JOBS_TOPIC
from citewell.telemetry.tasks import Tasks
from tests.api.contract import Contract
from tests.api.terminal import Terminal

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"
EVERYTHING = frozenset(Scope)


def shared(name: str) -> Path:
    """A folder of the shared test data."""
    path = SHARED / name
    assert path.exists(), f"The shared test data is missing: {path}"
    return path


@pytest.fixture(scope="session")
def embedder() -> BuiltinEmbedder:
    return BuiltinEmbedder(1)


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str) -> Settings:
    return Settings(
        home=tmp_path / "home",
        database_url=SecretStr(postgres_url),
        limits=LimitSettings(
            # Every test sends from this machine's own address.
            upload_bytes=3_000_000,
            requests_per_address=10**6,
            guesses_per_address=10**6,
        ),
    )


@pytest.fixture
async def app(
    settings: Settings, database: Database, embedder: BuiltinEmbedder
) -> AsyncIterator[App]:
    tasks = Tasks()
    home = prepare_home(settings.home)
    blobs, notifications = BlobStore(home / "blobs"), Notifications(database.url)
    model = await chat_model(settings)
    opened = _wire(Core(settings, home, database, blobs, notifications, embedder, tasks), model)
    topics = (CHANGES_TOPIC, JOBS_TOPIC, RUNS_TOPIC)
    tasks.start("notifications", opened.notifications.run(topics))
    tasks.start("runs", opened.chat.run())
    tasks.start("projections", opened.projections.run())
    await opened.accounts.ensure_administrator(opened.admin_key)
    yield opened
    await opened.tasks.close()
    await opened.projections.close()
    if model is not None:
        await model.close()


@pytest.fixture
def api(app: App) -> FastAPI:
    made = create_app(app.settings, app)
    made.state.server.app = app
    return made


@pytest.fixture
def contract(api: FastAPI) -> Contract:
    return Contract(api.state.openapi)


@pytest.fixture
async def anonymous(api: FastAPI, contract: Contract) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a credential; every reply is held against the contract."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(api, raise_app_exceptions=True),
        base_url="http://localhost",
        event_hooks={"response": [contract.check]},
    ) as client:
        yield client


@pytest.fixture
async def client(anonymous: httpx.AsyncClient, app: App) -> httpx.AsyncClient:
    """The administrator's client."""
    anonymous.headers["authorization"] = f"Bearer {app.admin_key}"
    return anonymous


@pytest.fixture
async def unhurried(client: httpx.AsyncClient, api: FastAPI) -> httpx.AsyncClient:
    """The administrator's client, whom no rate limits."""
    unlimited = LimitSettings(
        requests_per_address=10**9, guesses_per_address=10**9, requests_per_user=10**9,
        requests_per_key=10**9, requests_per_tenant=10**9,
    )  # fmt: skip
    api.state.server.rates = Rates(unlimited)
    return client


@dataclass(frozen=True, slots=True)
class Keys:
    """Makes API keys for anybody."""

    database: Database

    async def make(
        self,
        role: Role = Role.OWNER,
        scopes: frozenset[Scope] = EVERYTHING,
        tenant: TenantId = DEFAULT_TENANT,
    ) -> str:
        key = new_key()
        async with self.database.transaction(tenant) as tx:
            user = await tx.keys.ensure_user(uuid4().hex, role)
            await tx.keys.ensure_key(user, "test", digest(key), scopes)
        return key

    async def make_revoked(self) -> str:
        key = await self.make()
        async with self.database.installation() as whole:
            held = await whole.credentials.key_by_digest(digest(key))
        assert held is not None
        assert held.principal.key_id is not None
        async with self.database.transaction(held.principal.tenant_id) as tx:
            assert await tx.keys.revoke(held.principal.key_id)
        return key


@pytest.fixture
def keys(database: Database) -> Keys:
    return Keys(database)


async def work_off(app: App) -> None:
    """Do every job that is queued, as a worker would."""
    async with ParserHost() as parser:
        while True:
            async with app.database.system() as system:
                leases = await system.claim(uuid4())
            if not leases:
                return
            await Ingestion(app.database, app.blobs, parser, app.embedder).run(leases[0])


async def started(server: uvicorn.Server) -> None:
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110  # The server has no event to wait for.
            await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(api: FastAPI) -> AsyncIterator[str]:
    """The application behind a real server on a loopback port; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        api,
        log_level="critical",
        access_log=False,
        ws=SocketProtocol,
        ws_max_size=64 * 1024,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server._serve(sockets=[listener]))
        await started(server)
        try:
            yield address
        finally:
            server.should_exit = True
            async with asyncio.timeout(10):
                await serving
    listener.close()


@pytest.fixture
async def terminal(app: App, api: FastAPI, postgres_url: str) -> AsyncIterator[Terminal]:
    await app.accounts.ring.ensure()
    async with listening(api) as address:
        url = f"http://{address}"
        variables = {
            "CITEWELL_HOME": str(app.settings.home),
            "CITEWELL_SERVER": url,
            "CITEWELL_API_KEY": app.admin_key,
            "DATABASE_URL": postgres_url,
        }
        yield Terminal(variables, url)
