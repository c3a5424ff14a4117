"""The product as the measurements use it: its own store, worker, search and answers, in process.

Nothing here reaches around the product: texts go in through `Documents.accept` and a worker, and
come out through `Retrieval.search` and the agent.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from citewell.bootstrap import App, open_app
from citewell.config import Settings
from citewell.documents.collections import Collections
from citewell.documents.service import Upload
from citewell.domain.documents import DocumentStatus
from citewell.domain.errors import NotFoundError
from citewell.domain.ids import CollectionId, DocumentId
from citewell.domain.passages import Answer, SearchMode, SearchQuery, SearchResult
from citewell.domain.principal import Principal
from citewell.domain.run_events import AnswerFinished, Question
from citewell.storage.repositories.documents import DocumentQuery

CITEWELL = Path(sys.executable).with_name("citewell")
STOP_SECONDS = 30.0
POLL_SECONDS = 0.1
LIMIT_SECONDS = 3600.0
PAGE = 200
UNFINISHED = (DocumentStatus.RECEIVED, DocumentStatus.PARSING, DocumentStatus.EMBEDDING)


@dataclass(frozen=True, slots=True)
class File:
    """A text to add: `name` is how the results are told apart."""

    name: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Product:
    """The running product and its administrator."""

    app: App
    principal: Principal

    async def collection(self, name: str) -> CollectionId:
        """The collection of this name, made when it is not there."""
        try:
            return (await self.app.documents.collection(self.principal, name)).id
        except NotFoundError:
            documents = self.app.documents
            made = await Collections(documents.database, documents.model).create(
                self.principal, name
            )
            return made.id

    async def add(self, collection: CollectionId, files: Iterable[File]) -> None:
        """Keep every file and wait until the worker has made all of them searchable."""
        for file in files:
            upload = Upload(file.name, _bytes(file.text), title=file.title)
            await self.app.documents.accept(self.principal, collection, upload)
        await self.settled(collection)

    async def settled(self, collection: CollectionId) -> None:
        """Return when nothing is left to read. Raises `SystemExit` when a file failed."""
        async with asyncio.timeout(LIMIT_SECONDS):
            # The worker is another process: nothing here can be told when it is done.
            while await self._any(collection, UNFINISHED):  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)
        if await self._any(collection, (DocumentStatus.FAILED,)):
            raise SystemExit("A document of the set could not be read; see the log above.")

    async def names(self, collection: CollectionId) -> dict[DocumentId, str]:
        """The file name of every document of a collection."""
        found: dict[DocumentId, str] = {}
        before: DocumentId | None = None
        while True:
            query = DocumentQuery(collection_id=collection, limit=PAGE, before=before)
            page = await self.app.documents.page(self.principal, query)
            found |= {document.id: document.filename for document in page}
            if len(page) < PAGE:
                return found
            before = page[-1].id

    async def search(
        self,
        collection: CollectionId,
        text: str,
        limit: int,
        mode: SearchMode = SearchMode.HYBRID,
    ) -> SearchResult:
        """What `POST /api/v1/search` gives."""
        query = SearchQuery(text, (collection,), limit=limit, mode=mode)
        return await self.app.retrieval.search(self.principal, query)

    async def ask(self, collection: CollectionId, text: str) -> Answer:
        """What `POST /query` gives."""
        async for event in self.app.agent.run(self.principal, Question(text, (collection,))):
            if isinstance(event, AnswerFinished):
                answer = event.answer
        return answer

    async def _any(self, collection: CollectionId, states: Iterable[DocumentStatus]) -> bool:
        for status in states:
            query = DocumentQuery(collection_id=collection, status=status, limit=1)
            if await self.app.documents.page(self.principal, query):
                return True
        return False


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[Product]:
    """The product in `home` without a worker: nothing is read until `working`."""
    async with open_app(Settings(home=home, workers=0)) as app:
        yield Product(app, await app.accounts.administrator())


@asynccontextmanager
async def working(home: Path) -> AsyncIterator[None]:
    """A `citewell worker` process on the same data directory."""
    environment = {**os.environ, "CITEWELL_HOME": str(home), "LOG_LEVEL": "warning"}
    process = await asyncio.create_subprocess_exec(CITEWELL, "worker", env=environment)
    try:
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), STOP_SECONDS)


async def _bytes(text: str) -> AsyncIterator[bytes]:
    yield text.encode()
