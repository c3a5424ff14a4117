"""Facts kept in mind, as the person sees them: listed, added, changed, erased."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from citewell.documents.revisions import check_unchanged
from citewell.domain.errors import ConflictError, FieldProblem, InvalidError
from citewell.domain.ids import MemoryId
from citewell.domain.memories import CONSENT, MOST_CHARACTERS, Memory
from citewell.domain.principal import Principal, Scope
from citewell.storage.database import Database
from citewell.storage.repetition import RequestKey, do_once


@dataclass(frozen=True, slots=True)
class Memories:
    """Everybody's own, for a credential with the scope `admin`, which a narrow key has not.

    Every method raises `DeniedError` without it, and `NotFoundError` for what is not the caller's.
    """

    database: Database

    async def all(self, principal: Principal) -> Sequence[Memory]:
        """The newest first; also after the consent was taken back."""
        principal.require(Scope.ADMIN)
        async with self.database.transaction(principal) as tx:
            return await tx.memories.of(principal.user_id)

    async def add(
        self, principal: Principal, text: str, *, once: RequestKey | None = None
    ) -> Memory:
        """Keep a fact. Raises `ConflictError` without the person's consent, or when it is full."""
        principal.require(Scope.ADMIN)
        fact = _checked(text)
        async with self.database.transaction(principal) as tx:

            async def add() -> Memory:
                if not await tx.requests.has_agreed(principal.user_id, CONSENT):
                    raise ConflictError(
                        "You have not agreed that facts about you are kept.",
                        hint=f"Agree to the purpose {CONSENT!r} first:"
                        f" `citewell privacy consents --give {CONSENT}`.",
                    )
                return await tx.memories.add(principal.user_id, fact)

            key = None if once is None else once.of(principal, fact)
            added, _ = await do_once(tx, key, Memory, add)
            return added

    async def change(
        self,
        principal: Principal,
        memory_id: MemoryId,
        text: str,
        *,
        seen: AbstractSet[str] | None = None,
    ) -> Memory:
        """Say it in other words.

        Raises `ChangedError` when it is in none of the revisions `seen`.
        """
        principal.require(Scope.ADMIN)
        fact = _checked(text)
        async with self.database.transaction(principal) as tx:
            check_unchanged(await tx.memories.lock(memory_id, principal.user_id), seen)
            return await tx.memories.change(memory_id, principal.user_id, fact)

    async def delete(self, principal: Principal, memory_id: MemoryId) -> None:
        """It is in no question from now on."""
        principal.require(Scope.ADMIN)
        async with self.database.transaction(principal) as tx:
            await tx.memories.delete(memory_id, principal.user_id)


def _checked(text: str) -> str:
    fact = " ".join(text.split())
    if not fact or len(fact) > MOST_CHARACTERS:
        message = f"A fact has 1 to {MOST_CHARACTERS} characters."
        raise InvalidError(message, errors=(FieldProblem("text", message),))
    return fact
