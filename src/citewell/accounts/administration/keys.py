"""API keys: made, replaced with an overlap, revoked; the secret is told once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from citewell.accounts import credentials
from citewell.accounts.administration.people import below
from citewell.accounts.service import ADMINISTRATOR, SESSION, Accounts
from citewell.domain.accounts import ApiKey
from citewell.domain.errors import ConflictError, FieldProblem, InvalidError, NotFoundError
from citewell.domain.ids import KeyId, UserId, new_id
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.repetition import RequestKey, do_once
from citewell.storage.repositories.keys import NewKey
from citewell.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A key to make; it never expires without a `lifetime`, and is the caller's own unless said."""

    name: str
    scopes: frozenset[Scope]
    lifetime: timedelta | None = None
    person: UserId | None = None


@dataclass(frozen=True, slots=True)
class _Made:
    key: ApiKey
    sealed: str


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """Everybody's own; administrators have those of people whose role is not higher as well.

    Every method raises `DeniedError`, and `NotFoundError` for keys that are not theirs to see.
    """

    accounts: Accounts

    async def page(
        self, principal: Principal, *, after: UUID | None = None, limit: int = 200
    ) -> Sequence[ApiKey]:
        """Keys that are not revoked, the oldest first: of the whole tenant for administrators."""
        principal.require(Scope.ADMIN)
        whose = None if principal.role >= Role.ADMIN else principal.user_id
        async with self.accounts.database.transaction(principal) as tx:
            last = KeyId(after) if after else None
            return await tx.keys.page(user_id=whose, after=last, limit=limit)

    async def create(
        self, principal: Principal, asked: KeyRequest, *, once: RequestKey | None = None
    ) -> tuple[ApiKey, str]:
        """A new key and its secret. `once` makes a repetition harmless, with the same secret."""
        principal.require(Scope.ADMIN)
        _check_name(asked.name)
        person = asked.person or principal.user_id
        async with self.accounts.database.transaction(principal) as tx:
            if person != principal.user_id:
                principal.require(Scope.ADMIN, Role.ADMIN)
                await below(tx, principal, person)
            scopes = ",".join(sorted(asked.scopes))
            body = (asked.name, scopes, str(asked.lifetime), str(person))
            key = None if once is None else once.of(principal, *body)

            async def make() -> _Made:
                made = await self._add(tx, person, asked.name, asked.scopes, asked.lifetime)
                await tx.audit.record(
                    principal.user_id,
                    "key.create",
                    str(made.key.id),
                    details={"user": str(person), "scopes": sorted(asked.scopes)},
                )
                return made

            made, _ = await do_once(tx, key, _Made, make)
        return made.key, self.accounts.repeating.open(made.sealed)

    async def rotate(
        self,
        principal: Principal,
        key_id: KeyId,
        overlap: timedelta,
        *,
        once: RequestKey | None = None,
    ) -> tuple[ApiKey, str]:
        """A key in place of another one, which works for `overlap` more; as `create`.

        It has the same name, scopes and end. Raises `ConflictError` for a dead key.
        """
        async with self.accounts.database.transaction(principal) as tx:
            old = await self._theirs(tx, principal, key_id)
            request = None if once is None else once.of(principal, str(key_id), str(overlap))

            async def replace() -> _Made:
                now = await tx.now()
                left = None if old.expires_at is None else old.expires_at - now
                made = await self._add(tx, old.user_id, old.name, old.scopes, left)
                await tx.keys.replace(key_id, made.key.id, overlap)
                await tx.audit.record(
                    principal.user_id, "key.rotate", str(key_id), details={"by": str(made.key.id)}
                )
                return made

            made, _ = await do_once(tx, request, _Made, replace)
        self.accounts.recognition.forget()
        return made.key, self.accounts.repeating.open(made.sealed)

    async def revoke(self, principal: Principal, key_id: KeyId) -> None:
        """End a key: at once in this process, within five seconds in others; safe to repeat."""
        async with self.accounts.database.transaction(principal) as tx:
            await self._theirs(tx, principal, key_id)
            if await tx.keys.revoke(key_id):
                await tx.audit.record(principal.user_id, "key.revoke", str(key_id))
        self.accounts.recognition.forget()

    async def _add(
        self,
        tx: Transaction,
        person: UserId,
        name: str,
        scopes: frozenset[Scope],
        lifetime: timedelta | None,
    ) -> _Made:
        key_id = KeyId(new_id())
        secret = credentials.new_key(key_id)
        new = NewKey(key_id, person, name, credentials.digest(secret), scopes, lifetime)
        # The reply may be kept for a repetition, and nothing that is stored gives a secret away.
        return _Made(await tx.keys.add(new), self.accounts.repeating.seal(secret))

    async def _theirs(self, tx: Transaction, principal: Principal, key_id: KeyId) -> ApiKey:
        principal.require(Scope.ADMIN)
        found = await tx.keys.get(key_id)
        if found.user_id != principal.user_id:
            if principal.role < Role.ADMIN:
                raise NotFoundError("There is no such API key.")
            await below(tx, principal, found.user_id)
        if found.name == ADMINISTRATOR:
            raise ConflictError(
                "This key belongs to the server's file secrets/admin-key.",
                hint="Replace the file and start the server again.",
            )
        return found


def _check_name(name: str) -> None:
    if name in {ADMINISTRATOR, SESSION}:
        problem = FieldProblem("name", "The server calls its own keys so.")
        raise InvalidError("This name is taken.", errors=(problem,))
