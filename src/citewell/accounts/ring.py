"""The key ring: which key signs access tokens, which ones are believed, renewed while running."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from citewell.accounts.boxes import Box
from citewell.accounts.jws import VerificationKey
from citewell.domain.accounts import SigningKey
from citewell.domain.errors import StartError, UnavailableError
from citewell.domain.ids import DEFAULT_TENANT
from citewell.storage.database import Database
from citewell.storage.repositories.accounts.installation import SigningKeyRepository

ALGORITHM = "EdDSA"
STALE_SECONDS = 5.0
# Tokens with invented key ids must not make us ask the database more often than this.
UNKNOWN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Seal:
    """Keeps private keys in the database unreadable without the installation's secret."""

    secret: str = field(repr=False)

    def close(self, kid: str, private: bytes) -> bytes:
        """The sealed form, which opens under the same id only."""
        return self._box.close(private, kid)

    def open(self, kid: str, sealed: bytes) -> bytes:
        """The private key; raises `StartError` when another secret has closed it."""
        try:
            return self._box.open(sealed, kid)
        except ValueError as error:
            raise StartError(
                "The signing keys in the database were made under another secret.",
                hint="Give every server of this database the same CITEWELL_SECRET_KEY, or the same"
                " file secrets/secret-key.",
            ) from error

    @property
    def _box(self) -> Box:
        return Box(self.secret, "signing keys")


@dataclass(slots=True)
class KeyRing:
    """The ring as this process knows it, never older than `STALE_SECONDS`.

    A key id that is not in it is looked for once more, at most every `UNKNOWN_SECONDS`: a key that
    another server has just promoted is known in time, and invented ids cost one question a second.
    """

    database: Database
    seal: Seal
    clock: Callable[[], float] = time.monotonic
    _keys: Mapping[str, SigningKey] = field(default_factory=dict)
    _loaded_at: float = float("-inf")
    _loading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ensure(self) -> None:
        """Have a key that signs; servers that start together agree on one."""
        async with self.database.installation() as whole:
            await whole.signing_keys.lock()
            living = await whole.signing_keys.living()
            if not any(key.promoted_at and not key.retired_at for key in living):
                kid = await self._add(whole.signing_keys)
                await whole.signing_keys.promote(kid)
        await self._load()
        await self.signer()

    async def add(self) -> str:
        """A key that every server learns before it signs anything; its id."""
        async with self.database.installation() as whole:
            await whole.signing_keys.lock()
            kid = await self._add(whole.signing_keys)
        await self._load()
        return kid

    async def promote(self, kid: str) -> None:
        """Sign with this key from now on; raises `NotFoundError`."""
        async with self.database.installation() as whole:
            await whole.signing_keys.promote(kid)
        await self._load()

    async def retire(self, kid: str, grace: timedelta) -> None:
        """Believe this key for `grace` more, and sign nothing with it; raises `NotFoundError`."""
        async with self.database.installation() as whole:
            await whole.signing_keys.retire(kid, grace)
        await self._load()

    async def rotate(self, grace: timedelta) -> str:
        """Sign with a new key from now on, and believe the others for `grace` at most; its id.

        Raises `StartError` when the present one was made under another secret.
        """
        await self.signer()
        async with self.database.transaction(DEFAULT_TENANT) as tx:
            async with tx.installation() as whole:
                await whole.signing_keys.lock()
                old = [key.kid for key in await whole.signing_keys.living()]
                kid = await self._add(whole.signing_keys)
                await whole.signing_keys.promote(kid)
                for one in old:
                    await whole.signing_keys.retire(one, grace)
            told = {"retired": old, "grace_seconds": grace.total_seconds()}
            await tx.audit.record(None, "signing-keys.rotate", kid, details=told)
        await self._load()
        return kid

    async def signer(self) -> tuple[str, Ed25519PrivateKey]:
        """The id and the key to sign with; raises `UnavailableError` when all are retired."""
        await self._refresh(STALE_SECONDS)
        able = [key for key in self._keys.values() if key.promoted_at and not key.retired_at]
        if not able:
            raise UnavailableError("No signing key is promoted.", hint="Promote one.")
        newest = max(able, key=lambda key: (key.promoted_at, key.kid))
        private = self.seal.open(newest.kid, newest.sealed_private_key)
        return newest.kid, Ed25519PrivateKey.from_private_bytes(private)

    async def find(self, kid: str) -> VerificationKey | None:
        """The public key of this id, if its signatures are believed now."""
        await self._refresh(STALE_SECONDS)
        if kid not in self._keys:
            await self._refresh(UNKNOWN_SECONDS, wait=True)
        key = self._keys.get(kid)
        if key is None or (key.retired_at and key.retired_at <= datetime.now(UTC)):
            return None
        return VerificationKey(key.algorithm, Ed25519PublicKey.from_public_bytes(key.public_key))

    def seconds_known(self) -> float:
        """For how long what the ring says now may still be said without looking again."""
        return self._loaded_at + STALE_SECONDS - self.clock()

    async def _add(self, keys: SigningKeyRepository) -> str:
        kid, private = uuid4().hex, Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        await keys.add(kid, ALGORITHM, public, self.seal.close(kid, private.private_bytes_raw()))
        return kid

    async def _refresh(self, seconds: float, *, wait: bool = False) -> None:
        asked_at = self.clock()
        if asked_at - self._loaded_at < seconds and not wait:
            return
        async with self._loading:
            if self._loaded_at >= asked_at:
                return
            left = self._loaded_at + seconds - self.clock()
            if wait and left > 0:
                await asyncio.sleep(left)
            await self._load()

    async def _load(self) -> None:
        began = self.clock()
        async with self.database.installation() as whole:
            keys = await whole.signing_keys.living()
        self._keys = {key.kid: key for key in keys}
        self._loaded_at = began
