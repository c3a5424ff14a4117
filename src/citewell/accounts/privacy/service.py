"""Privacy: what people may ask about themselves, and administrators for them."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from citewell.domain.errors import ConflictError, DeniedError, NotFoundError
from citewell.domain.ids import ErasureId, ExportId, UserId, new_id
from citewell.domain.jobs import JobKind
from citewell.domain.principal import Principal, Role, Scope
from citewell.domain.privacy import Consent, Erasure, Export
from citewell.storage.blobs import BlobStore
from citewell.storage.database import Database
from citewell.storage.repetition import RequestKey, do_once
from citewell.storage.transaction import Transaction

MOST_DECISIONS = 1_000


@dataclass(frozen=True, slots=True)
class Privacy:
    """Everybody acts for themselves; for others, an administrator whose role is not lower.

    Every method raises `DeniedError` for a credential without the scope `admin`, which a sign-in
    has and a narrow key has not, and `NotFoundError` for who or what is not in the tenant.
    """

    database: Database
    blobs: BlobStore

    async def decide(
        self, principal: Principal, purpose: str, version: str, *, given: bool
    ) -> Consent:
        """Agree, or withdraw; nobody can do that for another person."""
        principal.require(Scope.ADMIN)
        async with self.database.transaction(principal.tenant_id) as tx:
            made = await tx.requests.decide(principal.user_id, purpose, version, given=given)
            await tx.audit.record(
                principal.user_id,
                "consent.decide",
                str(principal.user_id),
                details={"given": given},
            )
        return made

    async def decisions(
        self, principal: Principal, person: UserId | None = None
    ) -> Sequence[Consent]:
        """What a person decided, the newest `MOST_DECISIONS` first."""
        async with self.database.transaction(principal.tenant_id) as tx:
            whose = await _person(tx, principal, person)
            return await tx.requests.decisions(whose, limit=MOST_DECISIONS)

    async def export(
        self, principal: Principal, person: UserId | None, *, once: RequestKey | None = None
    ) -> Export:
        """Ask for a copy of all that is stored about a person in this tenant; a job makes it."""
        async with self.database.transaction(principal.tenant_id) as tx:
            whose = await _person(tx, principal, person)
            key = None if once is None else once.of(principal, str(whose))

            async def ask() -> Export:
                asked = await tx.requests.ask_export(whose, principal.user_id)
                await tx.jobs.enqueue(JobKind.EXPORT, asked.id)
                await tx.audit.record(principal.user_id, "privacy.export", str(whose))
                return asked

            asked, _ = await do_once(tx, key, Export, ask)
        return asked

    async def get_export(self, principal: Principal, export_id: ExportId) -> Export:
        """Where a copy is."""
        async with self.database.transaction(principal.tenant_id) as tx:
            found = await tx.requests.export(export_id)
            await _check_theirs(tx, principal, found.user_id, f"No export {export_id}.")
        return found

    async def fetch(self, principal: Principal, export_id: ExportId) -> Path | Iterator[bytes]:
        """A copy's file, or its pieces; raises `ConflictError` until it is ready."""
        found = await self.get_export(principal, export_id)
        if found.blob_key is None:
            raise ConflictError("This export is not ready.", hint="Ask again in a moment.")
        async with self.database.transaction(principal.tenant_id) as tx:
            await tx.audit.record(principal.user_id, "privacy.download", str(export_id))
        try:
            return await asyncio.to_thread(self.blobs.content, found.blob_key, tx.seal)
        except FileNotFoundError as error:
            raise NotFoundError(
                "The bytes of this export are gone.", hint="Ask for another one."
            ) from error

    async def erase(
        self,
        principal: Principal,
        person: UserId | None,
        *,
        with_documents: bool = False,
        once: RequestKey | None = None,
    ) -> Erasure:
        """Ask for a person to be forgotten; a job does it, and it cannot be stopped.

        Raises `ConflictError` for the only owner of a tenant.
        """
        async with self.database.transaction(principal.tenant_id) as tx:
            whose = await _person(tx, principal, person)
            key = None if once is None else once.of(principal, str(whose), str(with_documents))

            async def ask() -> Erasure:
                return await ask_erasure(tx, principal, whose, with_documents=with_documents)

            asked, _ = await do_once(tx, key, Erasure, ask)
        return asked

    async def get_erasure(self, principal: Principal, erasure_id: ErasureId) -> Erasure:
        """How far it is, and what was removed."""
        async with self.database.transaction(principal.tenant_id) as tx:
            found = await tx.requests.erasure(erasure_id)
            if found.user_id != principal.user_id and not _administers(principal):
                raise NotFoundError(f"No erasure {erasure_id}.")
        return found


async def ask_erasure(
    tx: Transaction, principal: Principal, person: UserId, *, with_documents: bool
) -> Erasure:
    """Queue a person's erasure; raises `ConflictError` for the only owner of a tenant."""
    member = await tx.users.get(person)
    await refuse_only_owner(tx, person)
    asked = Erasure(
        id=ErasureId(new_id()),
        tenant_id=principal.tenant_id,
        user_id=person,
        requested_by=principal.user_id,
        everywhere=member.home == principal.tenant_id,
        with_documents=with_documents,
        created_at=await tx.now(),
        erased_at=None,
        scrubbed_at=None,
        removed=await tx.people.counts(person),
    )
    await tx.requests.add_erasure(asked)
    await tx.jobs.enqueue(JobKind.ERASE, asked.id, priority=1)
    await tx.audit.record(
        principal.user_id,
        "privacy.erase",
        str(person),
        details={"erasure": str(asked.id), "documents": with_documents},
    )
    return asked


async def refuse_only_owner(tx: Transaction, person: UserId) -> None:
    """Raise `ConflictError` when a tenant would be left without an owner."""
    async with tx.installation() as whole:
        alone = await whole.owned_alone(person)
    if alone:
        raise ConflictError(
            f"This person is the only owner of {alone} tenant{'s' if alone > 1 else ''}.",
            hint="Make somebody else an owner first.",
        )


async def _person(tx: Transaction, principal: Principal, person: UserId | None) -> UserId:
    """Whom a request is about, when the caller may make it."""
    principal.require(Scope.ADMIN)
    if person is None or person == principal.user_id:
        return principal.user_id
    principal.require(Scope.ADMIN, Role.ADMIN)
    if (await tx.users.get(person)).role > principal.role:
        raise DeniedError("This person's role is higher than yours.")
    return person


async def _check_theirs(
    tx: Transaction, principal: Principal, person: UserId, missing: str
) -> None:
    principal.require(Scope.ADMIN)
    if person == principal.user_id:
        return
    if not _administers(principal) or (await tx.users.get(person)).role > principal.role:
        raise NotFoundError(missing)


def _administers(principal: Principal) -> bool:
    principal.require(Scope.ADMIN)
    return principal.role >= Role.ADMIN
