"""From a credential to its holder, remembered for a few seconds."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from citewell.accounts import credentials, tokens
from citewell.accounts.jws import RefusedTokenError
from citewell.accounts.ring import KeyRing
from citewell.domain.principal import Principal
from citewell.storage.database import Database
from citewell.storage.repositories.accounts.credentials import HeldKey

CACHE_SECONDS = 5.0
CACHE_ENTRIES = 1024
MAX_TOKEN_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class Recognition:
    """Finds the holder of any kind of credential, None when it does not live.

    What another process ends is refused after at most `CACHE_SECONDS`; what this one ends, at once.
    """

    database: Database
    ring: KeyRing
    clock: Callable[[], float] = time.monotonic
    _known: dict[bytes, tuple[float, Principal]] = field(default_factory=dict)

    async def holder(self, credential: str) -> Principal | None:
        """Of an access token, an API key, or a browser's session."""
        if tokens.looks_like_token(credential):
            if len(credential) > MAX_TOKEN_LENGTH or not credential.isascii():
                return None
        elif not credentials.looks_valid(credential):
            return None
        digest = credentials.digest(credential)
        known = self._known.get(digest)
        if known is not None and self.clock() < known[0]:
            return known[1]
        self._known.pop(digest, None)
        began = self.clock()
        found = await self._look_up(credential, digest)
        if found is None:
            return None
        principal, seconds = found
        self._remember(digest, began + seconds, principal)
        return principal

    async def living(self, asked: Collection[Principal]) -> Mapping[Principal, Principal]:
        """Holders whose credential lives, each as they are now; asked of the database at once."""
        if not asked:
            return {}
        keys = {one.key_id for one in asked if one.key_id}
        sessions = {one.session_id for one in asked if one.session_id}
        async with self.database.installation() as whole:
            by_key = await whole.credentials.keys(keys)
            by_session = await whole.credentials.sessions(sessions)
        holders = (*by_key.values(), *by_session.values())
        living = {one.key_id or one.session_id: one for one in holders}
        found = ((one, living.get(one.key_id or one.session_id)) for one in asked)
        return {one: now for one, now in found if now is not None}

    def forget(self) -> None:
        """Look everybody up again: something has ended."""
        self._known.clear()

    async def _look_up(self, credential: str, digest: bytes) -> tuple[Principal, float] | None:
        if tokens.looks_like_token(credential):
            return await self._by_token(credential)
        held = await self.key(credential, digest)
        return None if held is None else (held.principal, CACHE_SECONDS)

    async def key(self, credential: str, digest: bytes) -> HeldKey | None:
        """The living key that this is; its use is written down."""
        key_id = credentials.id_in(credential)
        async with self.database.installation() as whole:
            if key_id is None:
                held = await whole.credentials.key_by_digest(digest)
            else:
                held = await whole.credentials.key(key_id)
            if held is None or not credentials.is_same(held.digest, digest):
                return None
            if held.is_stale and held.principal.key_id is not None:
                await whole.credentials.touch(held.principal.key_id)
        return held

    async def _by_token(self, token: str) -> tuple[Principal, float] | None:
        try:
            claims = await tokens.read(self.ring, token)
        except RefusedTokenError:
            return None
        async with self.database.installation() as whole:
            found = await whole.credentials.session(claims.session_id)
        if found is None or (found.user_id, found.tenant_id) != (claims.user_id, claims.tenant_id):
            return None
        # Not longer than its key is known to live: two delays must not add up.
        return found, min(CACHE_SECONDS, claims.seconds_left, self.ring.seconds_known())

    def _remember(self, digest: bytes, until: float, principal: Principal) -> None:
        while len(self._known) >= CACHE_ENTRIES:
            del self._known[next(iter(self._known))]
        self._known[digest] = (until, principal)
