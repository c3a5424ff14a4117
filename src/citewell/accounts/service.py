"""Accounts: the only room that knows credentials; everybody else sees principals."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from citewell.accounts import credentials
from citewell.accounts.codes import SignInCodes
from citewell.domain.errors import UnauthenticatedError
from citewell.domain.ids import DEFAULT_TENANT, KeyId, new_id
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.database import Database
from citewell.storage.repositories.keys import NewKey

ADMINISTRATOR = "administrator"
SESSION = "browser session"
SESSION_LIFETIME = timedelta(days=14)
CACHE_SECONDS = 5.0
CACHE_ENTRIES = 1024

_ALL = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Accounts:
    """Turns credentials into principals.

    A key that another process revokes is refused after at most `CACHE_SECONDS`; one that this
    process revokes, at once.
    """

    database: Database
    clock: Callable[[], float] = time.monotonic
    _codes: SignInCodes = field(default_factory=SignInCodes)
    _known: dict[bytes, tuple[float, Principal]] = field(default_factory=dict)

    async def authenticate(self, credential: str) -> Principal:
        """The holder of an API key; raises `UnauthenticatedError`, always in the same words."""
        if not credentials.looks_valid(credential):
            raise _unknown()
        digest = credentials.digest(credential)
        known = self._known.get(digest)
        if known is not None and self.clock() < known[0]:
            return known[1]
        async with self.database.installation() as whole:
            held = await whole.credentials.key_by_digest(digest)
        if held is None:
            self._known.pop(digest, None)
            raise _unknown()
        self._remember(digest, held.principal)
        return held.principal

    async def ensure_administrator(self, key: str) -> Principal:
        """The owner of the default tenant, reachable with `key`; safe to repeat.

        An earlier administrator's key stops working: replacing the key file replaces the key.
        """
        async with self.database.transaction(DEFAULT_TENANT) as tx:
            user_id = await tx.keys.ensure_user(ADMINISTRATOR, Role.OWNER)
            digest = credentials.digest(key)
            key_id = await tx.keys.ensure_key(user_id, ADMINISTRATOR, digest, _ALL)
            await tx.keys.revoke_others(user_id, ADMINISTRATOR, key_id)
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

    async def open_session(self, principal: Principal) -> str:
        """A key of the principal's own for a browser, with the same scopes."""
        key = credentials.new_key()
        digest = credentials.digest(key)
        async with self.database.transaction(principal) as tx:
            generation = await tx.users.generation(principal.user_id)
            new = NewKey(
                KeyId(new_id()), principal.user_id, SESSION, digest, principal.scopes,
                SESSION_LIFETIME, generation,
            )  # fmt: skip
            await tx.keys.add(new)
            await tx.audit.record(principal.user_id, "session.open", str(principal.user_id))
        return key

    async def close_session(self, credential: str) -> None:
        """Revoke a session's key; a credential that is no session's stays as it is."""
        digest = credentials.digest(credential)
        async with self.database.installation() as whole:
            held = await whole.credentials.key_by_digest(digest)
        if held is None or held.principal.key_id is None:
            return
        found = held.principal
        async with self.database.transaction(found) as tx:
            if await tx.keys.revoke(held.principal.key_id, sessions=True):
                await tx.audit.record(found.user_id, "session.close", str(found.user_id))
        self._known.pop(digest, None)

    def _remember(self, digest: bytes, principal: Principal) -> None:
        while len(self._known) >= CACHE_ENTRIES:
            del self._known[next(iter(self._known))]
        self._known[digest] = (self.clock() + CACHE_SECONDS, principal)


def _unknown() -> UnauthenticatedError:
    return UnauthenticatedError(
        "The credential is missing or unknown.",
        hint="Send `Authorization: Bearer <key>`; the administrator's key is in the data"
        " directory, in secrets/admin-key.",
    )
