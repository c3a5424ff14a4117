"""Accounts: the only room that knows credentials; everybody else sees principals."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from citewell.accounts import credentials
from citewell.accounts.codes import SignInCodes
from citewell.accounts.passwords import Passwords
from citewell.accounts.recognising import Recognition
from citewell.accounts.repeating import Repeating
from citewell.accounts.ring import KeyRing, Seal
from citewell.domain.errors import UnauthenticatedError
from citewell.domain.ids import DEFAULT_TENANT, KeyId, new_id
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.database import Database
from citewell.storage.repositories.keys import NewKey
from citewell.storage.transaction import Transaction

ADMINISTRATOR = "administrator"
SESSION = "browser session"
SESSION_LIFETIME = timedelta(days=14)

_ALL = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Accounts:
    """Turns credentials into principals.

    A credential that another process ends is refused after at most five seconds; one that this
    process ends, at once.
    """

    database: Database
    ring: KeyRing
    recognition: Recognition
    passwords: Passwords
    repeating: Repeating
    _codes: SignInCodes = field(default_factory=SignInCodes)

    @classmethod
    def of(
        cls, database: Database, secret: str, clock: Callable[[], float] = time.monotonic
    ) -> "Accounts":
        """The accounts in a database; `secret` opens the private keys of its ring."""
        ring = KeyRing(database, Seal(secret), clock)
        recognition = Recognition(database, ring, clock)
        return cls(database, ring, recognition, Passwords(), Repeating(secret), SignInCodes(clock))

    async def authenticate(self, credential: str) -> Principal:
        """The holder of a credential; raises `UnauthenticatedError`, always in the same words."""
        found = await self.recognition.holder(credential)
        if found is None:
            raise _unknown()
        return found

    async def ensure_administrator(self, key: str) -> Principal:
        """The owner of the default tenant, reachable with `key`; safe to repeat.

        An earlier administrator's key stops working: replacing the key file replaces the key.
        """
        async with self.database.transaction(DEFAULT_TENANT) as tx:
            user_id = await tx.keys.ensure_user(ADMINISTRATOR, Role.OWNER)
            digest = credentials.digest(key)
            key_id, is_new = await tx.keys.ensure_key(user_id, ADMINISTRATOR, digest, _ALL)
            if is_new:
                told = {"user": str(user_id), "scopes": sorted(_ALL)}
                await tx.audit.record(None, "key.create", str(key_id), details=told)
            for old in await tx.keys.revoke_others(user_id, ADMINISTRATOR, key_id):
                await tx.audit.record(None, "key.revoke", str(old))
        return Principal(DEFAULT_TENANT, user_id, Role.OWNER, _ALL, key_id)

    async def administrator(self) -> Principal:
        """The owner of the default tenant, for code that runs on the operator's own account."""
        async with self.database.transaction(DEFAULT_TENANT) as tx:
            user_id = await tx.keys.ensure_user(ADMINISTRATOR, Role.OWNER)
        return Principal(DEFAULT_TENANT, user_id, Role.OWNER, _ALL)

    def issue_code(self) -> str:
        """A sign-in code for the administrator: works once, for ten minutes, in this process."""
        return self._codes.issue()

    async def redeem(self, code: str) -> str:
        """The key of a new session; raises `UnauthenticatedError` for a code that is not open."""
        if not self._codes.redeem(code):
            raise UnauthenticatedError(
                "This sign-in link is unknown, used or older than ten minutes.",
                hint="Sign in with the administrator's key, or restart the server for a new link.",
            )
        return await self.open_session(await self.administrator())

    async def redeem_ticket(self, ticket: str) -> Principal:
        """Who asked for a WebSocket ticket; it is gone afterwards. Raises as `authenticate`."""
        found = None
        if credentials.looks_valid(ticket):
            async with self.database.installation() as whole:
                found = await whole.credentials.redeem_ticket(credentials.digest(ticket))
        if found is None:
            raise UnauthenticatedError(
                "This ticket is unknown, used or older than half a minute.",
                hint="Ask for a new one with `POST /api/v1/auth/socket-ticket`.",
            )
        return found

    async def open_session(self, principal: Principal) -> str:
        """A key of the principal's own for a browser, with the same scopes.

        It ends with the key that the principal came with, if it was one.
        """
        async with self.database.transaction(principal) as tx:
            return await add_session(tx, principal, await tx.users.generation(principal.user_id))

    async def close_session(self, credential: str) -> None:
        """Revoke a browser session's key; a credential that is no session's stays as it is."""
        held = await self.recognition.key(credential, credentials.digest(credential))
        if held is None or held.principal.key_id is None:
            return
        async with self.database.transaction(held.principal) as tx:
            if await tx.keys.revoke(held.principal.key_id, sessions=True):
                user = held.principal.user_id
                await tx.audit.record(user, "session.close", str(user))
        self.recognition.forget()


async def add_session(tx: Transaction, principal: Principal, generation: int) -> str:
    """As `Accounts.open_session`, together with what else is done in the transaction.

    It ends when the person's `generation` is another one, also if that has changed already.
    """
    key_id, user = KeyId(new_id()), principal.user_id
    key = credentials.new_key(key_id)
    digest, scopes = credentials.digest(key), principal.scopes
    session = NewKey(key_id, user, SESSION, digest, scopes, SESSION_LIFETIME, generation)
    await tx.keys.add(replace(session, opened_by=principal.key_id))
    await tx.audit.record(user, "session.open", str(user))
    return key


def _unknown() -> UnauthenticatedError:
    return UnauthenticatedError(
        "The credential is missing or unknown.",
        hint="Send `Authorization: Bearer <key>`; the administrator's key is in the data"
        " directory, in secrets/admin-key.",
    )
