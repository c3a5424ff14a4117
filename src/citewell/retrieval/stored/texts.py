"""The text of a document around a place, in passages that can be cited."""

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.domain.errors import NotFoundError
from citewell.domain.ids import CollectionId, DocumentId
from citewell.domain.passages import Passage, Scores
from citewell.domain.principal import Principal, Scope
from citewell.retrieval.selection import passage_of
from citewell.storage.database import Database

MOST_PASSAGES = 8


@dataclass(frozen=True, slots=True)
class Texts:
    """Reads what can be searched, with the rights that searching needs."""

    database: Database

    async def read(
        self,
        principal: Principal,
        document_id: DocumentId,
        collections: Sequence[CollectionId],
        *,
        first: int = 0,
        most: int = MOST_PASSAGES,
    ) -> tuple[Passage, ...]:
        """Passages of a document in their order, from number `first`, at most `MOST_PASSAGES`.

        Raises `DeniedError`, and `NotFoundError` for a document that is in none of the collections
        or not searchable; none of its passages may be there any more.
        """
        principal.require(Scope.SEARCH)
        async with self.database.transaction(principal) as tx:
            document = await tx.documents.get(document_id)
            version_id = await tx.documents.shown(document_id)
            if document.collection_id not in collections or version_id is None:
                raise NotFoundError(f"No document {document_id} in the collections that are asked.")
            limit = max(1, min(most, MOST_PASSAGES))
            rows = await tx.chunks.of_document(version_id, after=first - 1, limit=limit)
        live = await self.database.live(principal, [row.key for row in rows], collections)
        return tuple(passage_of(live[row.key], Scores(0.0)) for row in rows if row.key in live)
