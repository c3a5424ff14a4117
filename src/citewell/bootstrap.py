"""Settings to adapters to App: the only place that names a concrete adapter."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from citewell.accounts.allowed_tools import AllowedTools
from citewell.accounts.budgets import Budgets
from citewell.accounts.privacy.service import Privacy
from citewell.accounts.secrets import ADMIN_KEY, SECRET_KEY, Kept, kept
from citewell.accounts.service import Accounts
from citewell.agent.bounds.limits import Limits
from citewell.agent.offer import Offer
from citewell.agent.service import Agent
from citewell.agent.writing.manner import Manner
from citewell.chat.caching.opening import cached
from citewell.chat.memory import memory_named
from citewell.chat.service import Chat
from citewell.config import LOOPBACK, Settings
from citewell.documents.fetching.pages import Pages
from citewell.documents.fetching.service import Fetching
from citewell.documents.room import Room
from citewell.documents.service import Documents
from citewell.domain.errors import UnavailableError
from citewell.index.index import IndexSettings
from citewell.inference.embedding import Embedder
from citewell.inference.mcp.service import ToolServers
from citewell.inference.opening import OPENAI, Server, open_embedder, open_reranker
from citewell.inference.paying import AnyEmbedder, PaidModel
from citewell.retrieval.citations import Citations
from citewell.retrieval.projections import Projections
from citewell.retrieval.reranking import Reranking
from citewell.retrieval.service import Retrieval
from citewell.storage import schema
from citewell.storage.blobs import BlobStore
from citewell.storage.database import Database
from citewell.storage.embedded import EmbeddedPostgres
from citewell.storage.home import prepare_home
from citewell.storage.notifications import Notifications
from citewell.storage.readiness import assert_sound, wait_for, watch
from citewell.storage.repositories.collections import CHANGES_TOPIC
from citewell.storage.repositories.conversing.run_log import RUNS_TOPIC
from citewell.storage.repositories.jobs import JOBS_TOPIC
from citewell.storage.sealing import masters
from citewell.telemetry.logs import logger
from citewell.telemetry.tasks import Tasks

if TYPE_CHECKING:
    from citewell.inference.chat.chain import ModelChain
    from citewell.inference.chat.paid import PaidChat

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Core:
    """What every process needs, workers included."""

    settings: Settings
    home: Path
    database: Database
    blobs: BlobStore
    notifications: Notifications
    embedder: Embedder
    tasks: Tasks

    def paid_embedder(self) -> AnyEmbedder:
        """The embedder for what is done for a tenant, who pays when it is somebody else's."""
        chosen = self.settings.embedding
        if not chosen.model.startswith(OPENAI):
            return self.embedder
        price = Decimal(str(chosen.price_per_million_tokens))
        return PaidModel(self.embedder, Budgets(self.database).paying, price)


@dataclass(frozen=True, slots=True)
class App:
    """Everything a door needs; made once per process."""

    settings: Settings
    database: Database
    blobs: BlobStore
    notifications: Notifications
    embedder: AnyEmbedder
    documents: Documents
    fetching: Fetching
    projections: Projections
    retrieval: Retrieval
    citations: Citations
    chat: Chat
    agent: Agent
    accounts: Accounts
    tool_servers: ToolServers | None
    privacy: Privacy
    tasks: Tasks
    admin_key: str


@asynccontextmanager
async def open_core(
    settings: Settings, *, on_failure: Callable[[str], None] = lambda _: None
) -> AsyncIterator[Core]:
    """The database, the model and the blobs, for as long as the context lasts.

    Waits for a database that is not there yet. Raises `StartError` for what waiting cannot mend.
    """
    async with AsyncExitStack() as stack:
        home = prepare_home(settings.home)
        tasks = Tasks(on_failure)
        stack.push_async_callback(tasks.close)
        embedder_ready = asyncio.ensure_future(_embedder(settings))
        stack.callback(embedder_ready.cancel)
        database = await _database(settings, home, tasks, stack)
        embedder = await embedder_ready
        stack.push_async_callback(embedder.close)
        notifications = Notifications(database.url)
        listen = notifications.run((CHANGES_TOPIC, JOBS_TOPIC, RUNS_TOPIC))
        tasks.start("notifications", listen, essential=True)
        blobs = BlobStore(home / "blobs")
        yield Core(settings, home, database, blobs, notifications, embedder, tasks)
        # Runs and listeners end before what they stand on is taken away.
        await tasks.close()


@asynccontextmanager
async def open_app(
    settings: Settings, *, on_failure: Callable[[str], None] = lambda _: None
) -> AsyncIterator[App]:
    """Everything wired and running, for as long as the context lasts; as `open_core`."""
    async with AsyncExitStack() as stack:
        chat_ready = asyncio.ensure_future(chat_model(settings))
        stack.callback(chat_ready.cancel)
        core = await stack.enter_async_context(open_core(settings, on_failure=on_failure))
        model = await chat_ready
        if model is not None:
            stack.push_async_callback(model.close)
        app = _wire(core, model, await _reranking(core))
        await app.accounts.ensure_administrator(app.admin_key)
        await app.accounts.ring.ensure()
        try:
            yield app
        finally:
            await core.tasks.close()
            await app.projections.close()
            await app.retrieval.close()


def database_url(settings: Settings, home: Path) -> tuple[str, EmbeddedPostgres | None]:
    """Where the database is; a private one is started. Blocks; raises `StartError`."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value(), None
    embedded = EmbeddedPostgres.start(home / "postgres")
    return embedded.url, embedded


async def _database(
    settings: Settings, home: Path, tasks: Tasks, stack: AsyncExitStack
) -> Database:
    url, embedded = await asyncio.to_thread(database_url, settings, home)
    if embedded is not None:
        stack.push_async_callback(asyncio.to_thread, embedded.stop)
        tasks.start("embedded database", watch(embedded.ensure_running), essential=True)
    database = Database.connect(url)
    stack.push_async_callback(database.close)
    await wait_for(database)
    await _prepare(database, url)
    await assert_sound(database)
    await unlock(database, settings, home)
    log.info("database.ready", schema=schema.newest(), embedded=embedded is not None)
    return database


async def unlock(database: Database, settings: Settings, home: Path) -> None:
    """Turn encryption on when it is asked for; raises `StartError` for a key that does not fit."""
    chosen, given = settings.encryption, None
    if chosen.enabled:
        key = chosen.key.get_secret_value() if chosen.key else None
        # A key that is made now would open nothing that is sealed already.
        new = not await database.vault.ring()
        given = await asyncio.to_thread(
            masters.choose, key, chosen.key_file, home / "secrets", new=new
        )
    await database.vault.unlock(given)


async def _prepare(database: Database, url: str) -> None:
    """The schema of this release; a database that goes away meanwhile is waited for."""
    while True:
        try:
            if await database.schema_version() != schema.newest():
                await asyncio.to_thread(_upgrade, url)
        except UnavailableError:
            await wait_for(database)
        else:
            return


def _upgrade(url: str) -> None:
    # A quarter of a second to import, for a start in a hundred.
    from citewell.storage import migrate

    migrate.upgrade(url)


async def _embedder(settings: Settings) -> Embedder:
    server = Server(settings.openai_base_url, _shown(settings.openai_api_key))
    size, threads = settings.embedding.dimension, settings.embedding.threads
    return await open_embedder(settings.embedding.model, server, dimension=size, threads=threads)


async def _reranking(core: Core) -> Reranking | None:
    chosen = core.settings.rerank
    server = Server(chosen.base_url, _shown(chosen.api_key))
    reranker = await open_reranker(chosen.model, server, seconds=chosen.seconds)
    if reranker is None:
        return None
    return Reranking.of(reranker, Budgets(core.database).paying, chosen.model_dump())


async def chat_model(settings: Settings) -> "ModelChain | None":
    """The language models of the settings; the caller closes them. As `open_core`."""
    if not settings.llm.names:
        return None
    # A second to import, for those who have a model.
    from citewell.inference.chat.opening import Terms, open_chain

    chosen = settings.llm.model_dump(exclude={"model", "fallbacks"})
    terms = Terms.of(settings.openai_base_url, _shown(settings.openai_api_key), chosen)
    return await open_chain(settings.llm.names, terms)


def _paid_chat(core: Core, model: "ModelChain | None") -> "PaidChat | None":
    if model is None:
        return None
    from citewell.inference.chat.paid import PaidChat

    return PaidChat(model, Budgets(core.database).paying)


def _wire(core: Core, model: "ModelChain | None" = None, order: Reranking | None = None) -> App:
    settings, database, embedder = core.settings, core.database, core.paid_embedder()
    folder, index = core.home / "index", IndexSettings(exact_below=settings.index.exact_below)
    projections = Projections(
        database, core.notifications, folder, index, settings.index.memory_bytes
    )
    retrieval = Retrieval(database, embedder, projections, order)
    accounts = Accounts.of(database, _secret(core, SECRET_KEY, settings.secret_key))
    servers, allowed = ToolServers.of(**settings.mcp.model_dump()), AllowedTools(accounts)
    pages = Pages.of(core.tasks, enabled=settings.tools.web_fetch)
    offer = Offer.of(read=pages.read if pages else None, **settings.tools.model_dump())
    tools = offer.with_servers(servers, allowed.of, allowed.switch_off)
    chosen, writer = settings.llm.model_dump(), _paid_chat(core, model)
    manner, limits = Manner.of(chosen), Limits.of(chosen)
    agent = Agent(retrieval, embedder, Citations(database), writer, manner, limits, tools=tools)
    answerer = cached(agent, database, settings.model_dump(mode="json"))
    most, room = settings.limits.upload_bytes, Room(database)
    documents = Documents(database, core.blobs, embedder.model, most, room)
    memory = memory_named(settings.memory)
    return App(
        settings=settings,
        database=database,
        blobs=core.blobs,
        notifications=core.notifications,
        embedder=embedder,
        documents=documents,
        fetching=Fetching.of(documents, **settings.fetch.model_dump()),
        projections=projections,
        retrieval=retrieval,
        citations=agent.citations,
        agent=agent,
        chat=Chat(database, core.notifications, answerer, core.tasks, memory=memory),
        privacy=Privacy(database, core.blobs),
        accounts=accounts,
        tool_servers=servers,
        tasks=core.tasks,
        admin_key=_secret(core, ADMIN_KEY, settings.admin_key),
    )


def _secret(core: Core, which: Kept, given: SecretStr | None) -> str:
    alone = core.settings.host in LOOPBACK
    return kept(core.home / "secrets", which, _shown(given), may_make=alone)


def _shown(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
