"""Credential to principal: the only room that knows what a key looks like."""

import secrets
import time
from dataclasses import dataclass, field

from citewell.accounts.secrets import digest, new_key
from citewell.domain.errors import UnauthenticatedError
from citewell.domain.ids import DEFAULT_TENANT
from citewell.domain.principal import Principal, Role, Scope
from citewell.storage.database import Database

CACHE_SECONDS = 5.0
CACHE_SIZE = 1024
CODE_SECONDS = 600.0
ADMINISTRATOR = "administrator"
MAX_CREDENTIAL = 512


@dataclass(slots=True)
class Accounts:
    """API keys, sessions of browsers, and the one-time codes that begin them."""

    database: Database
    _known: dict[bytes, tuple[float, Principal]] = field(default_factory=dict)
    _codes: dict[bytes, float] = field(default_factory=dict)

    async def authenticate(self, credential: str) -> Principal:
        """Who holds this key. Raises `UnauthenticatedError`, the same for every reason."""
        if not credential or len(credential) > MAX_CREDENTIAL:
            raise _unknown()
        hashed = digest(credential)
        cached = self._known.get(hashed)
        if cached is not None and cached[0] > time.monotonic():
            return cached[1]
        async with self.database.system() as system:
            principal = await system.principal_by_digest(hashed)
        if principal is None:
            self._known.pop(hashed, None)
            raise _unknown()
        if len(self._known) >= CACHE_SIZE:
            self._known.clear()
        self._known[hashed] = (time.monotonic() + CACHE_SECONDS, principal)
        return principal

    async def ensure_administrator(self, key: str) -> Principal:
        """The owner of the default tenant, with this key."""
        await self._keep(key, "admin key")
        return await self.authenticate(key)

    async def administrator(self) -> Principal:
        """The owner of the default tenant, for a process that owns the data directory."""
        async with self.database.transaction(DEFAULT_TENANT) as tx:
            user_id = await tx.keys.ensure_user(ADMINISTRATOR, Role.OWNER)
        return Principal(DEFAULT_TENANT, user_id, Role.OWNER, frozenset(Scope))

    def issue_code(self) -> str:
        """A code that signs in once, within `CODE_SECONDS`, at this process."""
        code = secrets.token_urlsafe(24)
        now = time.monotonic()
        self._codes = {c: until for c, until in self._codes.items() if until > now}
        self._codes[digest(code)] = now + CODE_SECONDS
        return code

    async def redeem(self, code: str) -> str:
        """A session key for a code. Raises `UnauthenticatedError` for a used or late one."""
        until = self._codes.pop(digest(code[:MAX_CREDENTIAL]), 0.0)
        if until < time.monotonic():
            raise UnauthenticatedError(
                "This sign-in link was used already or is too old.",
                hint="Restart the server for a fresh link, or sign in with the key in"
                " secrets/admin-key of the data directory.",
            )
        return await self.open_session()

    async def open_session(self) -> str:
        """A key for a browser of the administrator."""
        key = new_key()
        await self._keep(key, "browser session")
        return key

    async def _keep(self, key: str, name: str) -> None:
        async with self.database.transaction(DEFAULT_TENANT) as tx:
            user_id = await tx.keys.ensure_user(ADMINISTRATOR, Role.OWNER)
            await tx.keys.ensure_key(user_id, name, digest(key), frozenset(Scope))


def _unknown() -> UnauthenticatedError:
    return UnauthenticatedError(
        "The credential is missing or not valid.",
        hint="Send the key in secrets/admin-key of the data directory as"
        " `Authorization: Bearer <key>`.",
    )
