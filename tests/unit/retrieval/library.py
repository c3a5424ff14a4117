"""A library of real documents: chunked, embedded and published as ingestion does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from citewell.documents.chunking import PIPELINE, Described, chunk_text
from citewell.domain.documents import ParsedText, TextKind
from citewell.domain.ids import CollectionId, DocumentId, TenantId, UserId, VersionId, new_id
from citewell.domain.principal import Principal, Role, Scope
from citewell.index.languages import detect_language
from citewell.inference.embedding import Embedder, PassageText
from citewell.storage.database import Database
from citewell.storage.repositories.collections import ChangeKind
from citewell.storage.repositories.taking_in.arrivals import NewDocument
from citewell.storage.repositories.taking_in.new_chunks import NewChunk
from citewell.storage.repositories.versions import StoredBlob
from citewell.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Book:
    """A document of the library, by the version that is shown."""

    collection_id: CollectionId
    document_id: DocumentId
    version_id: VersionId
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """What a document says, and how it is described."""

    title: str
    text: str
    kind: TextKind = TextKind.PROSE
    tags: Sequence[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Library:
    """The collections of one tenant."""

    database: Database
    embedder: Embedder
    tenant: TenantId

    @property
    def reader(self) -> Principal:
        """Somebody who may search and ask here."""
        scopes = frozenset({Scope.SEARCH, Scope.ASK})
        return Principal(self.tenant, UserId(new_id()), Role.VIEWER, scopes)

    async def collection(self, name: str = "default") -> CollectionId:
        model = self.embedder.model
        async with self.database.transaction(self.tenant) as tx:
            space = await tx.spaces.ensure(model.name, model.revision, model.dimension)
            return (await tx.collections.ensure(name, space.id)).id

    async def add(self, title: str, text: str, *, collection: str = "default") -> Book:
        return await self.add_text(Text(title, text), collection=collection)

    async def add_all(self, texts: Mapping[str, str], *, collection: str = "default") -> list[Book]:
        return [await self.add(title, text, collection=collection) for title, text in texts.items()]

    async def add_text(self, given: Text, *, collection: str = "default") -> Book:
        collection_id = await self.collection(collection)
        suffix = "py" if given.kind is TextKind.CODE else "md"
        filename = f"{given.title}.{suffix}"
        async with self.database.transaction(self.tenant) as tx:
            new = NewDocument(
                collection_id, given.title, filename, tuple(given.tags), given.metadata
            )
            document_id = await tx.documents.add(new)
        return await self._publish(collection_id, document_id, given, filename)

    async def replace(self, book: Book, given: Text) -> Book:
        """A new version, which is shown from now on; the old one's text is kept."""
        return await self._publish(
            book.collection_id, book.document_id, given, f"{given.title}.md", instead_of=book
        )

    async def delete(self, book: Book, *, announced: bool = True) -> None:
        """Out of every search; `announced` to the projections, which may hear of it late."""
        async with self.database.transaction(self.tenant) as tx:
            shown = await tx.documents.tombstone(book.document_id)
            assert shown == book.version_id
            if announced:
                await self._change(tx, book, ChangeKind.REMOVE)

    async def head(self, collection_id: CollectionId) -> int:
        async with self.database.transaction(self.tenant) as tx:
            return (await tx.collections.head(collection_id))[1]

    async def keys(self, collection_id: CollectionId) -> list[int]:
        """What is searchable, according to the database."""
        async with self.database.transaction(self.tenant) as tx:
            keys: list[int] = (await tx.chunks.live_keys(collection_id)).tolist()
            return keys

    async def _publish(
        self,
        collection_id: CollectionId,
        document_id: DocumentId,
        given: Text,
        filename: str,
        *,
        instead_of: Book | None = None,
    ) -> Book:
        language = detect_language(given.text)
        parsed = ParsedText(given.text, given.kind, title=given.title, language=language)
        async with self.database.transaction(self.tenant) as tx:
            version_id = await tx.versions.add(document_id, StoredBlob(new_id().hex, "0", 1))
            await tx.versions.store_text(version_id, parsed)
        described = Described(given.title, filename, given.tags, given.metadata)
        chunks = chunk_text(parsed, version_id, described, self.embedder.count_tokens)
        texts = [given.text[chunk.start : chunk.end] for chunk in chunks]
        vectors = await self.embedder.embed_passages(
            [PassageText(t, c.context, c.windows) for t, c in zip(texts, chunks, strict=True)]
        )
        batch = [NewChunk(*one) for one in zip(chunks, texts, vectors, strict=True)]
        async with self.database.transaction(self.tenant) as tx:
            await tx.versions.set_plan(version_id, PIPELINE, len(chunks), tokens=len(chunks))
            space_id, _ = await tx.collections.head(collection_id)
            await tx.chunks.put(document_id, version_id, space_id, batch)
            if instead_of is not None:
                await self._change(tx, instead_of, ChangeKind.REMOVE)
                await tx.chunks.clear(instead_of.version_id)
            await tx.documents.update(
                document_id, {"active_version_id": version_id, "title": given.title}
            )
            book = Book(collection_id, document_id, version_id, given.text)
            await self._change(tx, book, ChangeKind.PUT)
        return book

    async def _change(self, tx: Transaction, book: Book, kind: ChangeKind) -> None:
        await tx.collections.publish(book.collection_id, kind, book.document_id, book.version_id)
