"""Collections: made, renamed, removed with everything in them."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from citewell.documents.naming import clean_name, clean_text
from citewell.documents.revisions import check_unchanged
from citewell.domain.accounts import Visibility
from citewell.domain.documents import Collection
from citewell.domain.errors import FieldProblem, InvalidError
from citewell.domain.ids import CollectionId, SpaceId
from citewell.domain.principal import Principal, Role, Scope
from citewell.inference.embedding import EmbeddingModel
from citewell.storage.at_once.heads import named
from citewell.storage.database import Database
from citewell.storage.repetition import RequestKey, do_once
from citewell.storage.transaction import Transaction

DEFAULT_COLLECTION = "default"
MAX_NAME = 100
MAX_DESCRIPTION = 2000


@dataclass(frozen=True, slots=True)
class Collections:
    """Every method raises `DeniedError`, and `NotFoundError` for ids outside the tenant.

    A name that is taken is a `ConflictError`, one that cannot be a name an `InvalidError`.
    """

    database: Database
    model: EmbeddingModel

    async def inside(self, principal: Principal, names: Sequence[str]) -> list[CollectionId]:
        """Those of these names or ids, each once, in one round trip; nothing in them is counted.

        Raises `NotFoundError`, in the same words for a missing and a foreign one.
        """
        found = await named(self.database.read, principal, names)
        for name in names:
            if name not in found:
                found[name] = (await self.find(principal, name)).id
        return list(dict.fromkeys(found[name] for name in names))

    async def find(self, principal: Principal, name_or_id: str) -> Collection:
        """By id or by name; the default collection is made when it is first asked for."""
        async with self.database.transaction(principal) as tx:
            found = await tx.collections.find(name_or_id)
            if found is not None:
                return found
            if name_or_id != DEFAULT_COLLECTION:
                return await tx.collections.by_name(name_or_id)
            return await tx.collections.ensure(DEFAULT_COLLECTION, await self._space(tx))

    async def create(
        self,
        principal: Principal,
        name: str,
        description: str = "",
        *,
        once: RequestKey | None = None,
    ) -> Collection:
        """An empty collection. `once` makes a repetition harmless."""
        principal.require(Scope.DOCUMENTS_WRITE, Role.EDITOR)
        clean, text = _name(name), _description(description)
        async with self.database.transaction(principal) as tx:
            key = None if once is None else once.of(principal, clean, text)
            created, _ = await do_once(
                tx, key, Collection, lambda: self._create(tx, principal, clean, text)
            )
            return created

    async def change(
        self,
        principal: Principal,
        collection_id: CollectionId,
        *,
        name: str | None = None,
        description: str | None = None,
        visibility: Visibility | None = None,
        seen: AbstractSet[str] | None = None,
    ) -> Collection:
        """Change what is given; who may see it, only administrators decide.

        Raises `ChangedError` when the collection is in none of the revisions `seen`.
        """
        needed = Role.EDITOR if visibility is None else Role.ADMIN
        principal.require(Scope.DOCUMENTS_WRITE, needed)
        clean = None if name is None else _name(name)
        text = None if description is None else _description(description)
        async with self.database.transaction(principal) as tx:
            check_unchanged(await tx.collections.lock(collection_id), seen)
            await tx.shares.check_writable(principal, collection_id)
            details = {}
            if visibility is not None:
                await tx.shares.set_visibility(collection_id, visibility)
                details["visibility"] = visibility.value
            changed = await tx.collections.update(collection_id, name=clean, description=text)
            await tx.audit.record(
                principal.user_id, "collection.change", str(collection_id), details=details
            )
            return changed

    async def delete(self, principal: Principal, collection_id: CollectionId) -> Mapping[str, int]:
        """Out of every search when this returns; counts of what was removed per store."""
        principal.require(Scope.DOCUMENTS_WRITE, Role.EDITOR)
        async with self.database.transaction(principal) as tx:
            await tx.shares.check_writable(principal, collection_id)
            removed = await tx.collections.delete(collection_id)
            await tx.audit.record(
                principal.user_id, "collection.delete", str(collection_id), details=removed
            )
            return removed

    async def _create(
        self, tx: Transaction, principal: Principal, name: str, description: str
    ) -> Collection:
        created = await tx.collections.create(name, description, await self._space(tx))
        await tx.audit.record(principal.user_id, "collection.create", str(created.id))
        return created

    async def _space(self, tx: Transaction) -> SpaceId:
        model = self.model
        return (await tx.spaces.ensure(model.name, model.revision, model.dimension)).id


def _name(name: str) -> str:
    clean = clean_name(name)
    if not clean or len(clean) > MAX_NAME or clean != name:
        raise InvalidError(
            f"A collection's name has 1 to {MAX_NAME} characters on one line,"
            " without spaces around it.",
            errors=(FieldProblem("name", "This cannot be a name."),),
        )
    return clean


def _description(text: str) -> str:
    clean = clean_text(text)
    if len(clean) > MAX_DESCRIPTION:
        message = f"A description has at most {MAX_DESCRIPTION:,} characters."
        raise InvalidError(message, errors=(FieldProblem("description", message),))
    return clean
