"""Access tokens and the ring that signs them: nothing but our own, in time, for our API."""

import asyncio
import random
import time
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from citewell.accounts import credentials, tokens
from citewell.accounts.jws import RefusedTokenError
from citewell.accounts.ring import STALE_SECONDS, UNKNOWN_SECONDS, KeyRing, Seal
from citewell.domain.errors import StartError
from citewell.domain.ids import DEFAULT_TENANT, SessionId, UserId
from citewell.domain.principal import Principal, Role
from citewell.storage.database import Database

SEAL = Seal(credentials.new_secret())
HOLDER = Principal(DEFAULT_TENANT, UserId(uuid4()), Role.VIEWER, frozenset())
SESSION = SessionId(uuid4())
OTHER_KEY = Ed25519PrivateKey.generate()


@pytest.fixture
async def ring(database: Database) -> KeyRing:
    made = KeyRing(database, SEAL)
    await made.ensure()
    return made


async def forged(ring: KeyRing, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token of ours with some header fields and claims replaced; None leaves a claim out."""
    kid, key = await ring.signer()
    now = int(time.time())
    good = {
        "iss": tokens.ISSUER, "aud": tokens.AUDIENCE, "sub": str(HOLDER.user_id),
        "tenant": str(DEFAULT_TENANT), "sid": str(SESSION), "jti": "1", "iat": now, "nbf": now,
        "exp": now + 60,
    }  # fmt: skip
    said = {name: value for name, value in {**good, **claims}.items() if value is not None}
    own = header.pop("sign_with", key)
    algorithm = header.pop("alg", "EdDSA")
    return jwt.encode(said, own, algorithm, {"kid": kid, "typ": tokens.TYPE, **header})


def wrong() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Header fields and claims that each make a token worthless at this moment."""
    now = int(time.time())
    return [
        *(({}, {name: None}) for name in (*tokens.TEXTS, *tokens.TIMES)),
        ({}, {"iss": "https://somebody.example"}),
        ({}, {"aud": "another-api"}),
        ({}, {"aud": [tokens.AUDIENCE, "another-api"]}),
        ({}, {"sub": "nobody"}),
        ({}, {"tenant": 7}),
        ({}, {"exp": now - 1}),
        ({}, {"exp": now + 3600}),
        ({}, {"exp": str(now + 60)}),
        ({}, {"exp": float(now + 60)}),
        ({}, {"exp": True}),
        ({}, {"nbf": now + 600}),
        ({}, {"iat": now + 600}),
        ({"typ": "JWT"}, {}),
        ({"typ": "id+jwt"}, {}),
        ({"kid": "0" * 32}, {}),
        ({"kid": "../../etc/passwd"}, {}),
        ({"kid": "x' OR '1'='1"}, {}),
        ({"kid": ""}, {}),
        ({"sign_with": OTHER_KEY}, {}),
        ({"sign_with": b"k" * 32, "alg": "HS256"}, {}),
        ({"sign_with": None, "alg": "none"}, {}),
    ]


async def test_a_token_of_ours_says_whose_it_is(ring: KeyRing) -> None:
    claims = await tokens.read(ring, await tokens.issue(ring, HOLDER, SESSION))
    assert (claims.user_id, claims.tenant_id) == (HOLDER.user_id, HOLDER.tenant_id)
    assert claims.session_id == SESSION
    assert 0 < claims.seconds_left <= 600
    assert (await tokens.read(ring, await forged(ring, {}, {}))).session_id == SESSION


async def test_a_token_that_is_wrong_in_one_thing_is_refused(ring: KeyRing) -> None:
    for header, claims in wrong():
        token = await forged(ring, dict(header), claims)
        with pytest.raises(RefusedTokenError):
            await tokens.read(ring, token)


async def test_the_public_key_is_no_shared_secret(ring: KeyRing) -> None:
    _, key = await ring.signer()
    public = key.public_key().public_bytes_raw()
    for secret in (public, public.hex().encode()):
        token = await forged(ring, {"sign_with": secret, "alg": "HS256"}, {})
        with pytest.raises(RefusedTokenError):
            await tokens.read(ring, token)


class Counted(KeyRing):
    """A ring that knows how often it asked the database."""

    asked = 0

    async def _load(self) -> None:
        self.asked += 1
        await super()._load()


async def test_invented_key_ids_cost_one_question_a_second(database: Database, seed: int) -> None:
    ring, drawn = Counted(database, SEAL), random.Random(seed)
    await ring.ensure()
    kids = [f"{drawn.getrandbits(128):032x}" for _ in range(10_000)]
    began, before = time.monotonic(), ring.asked
    assert set(await asyncio.gather(*map(ring.find, kids))) == {None}
    assert ring.asked - before <= 1 + (time.monotonic() - began) / UNKNOWN_SECONDS


async def test_a_key_that_another_server_promotes_is_known_at_once(
    ring: KeyRing, database: Database
) -> None:
    other = KeyRing(database, SEAL)
    await other.promote(await other.add())
    token = await tokens.issue(other, HOLDER, SESSION)
    assert (await ring.signer())[0] != (await other.signer())[0], "it has not looked for itself yet"
    assert (await tokens.read(ring, token)).session_id == SESSION


async def test_a_retired_key_is_refused_when_its_grace_is_over(
    ring: KeyRing, database: Database
) -> None:
    clock = [100.0]
    other = KeyRing(database, SEAL, lambda: clock[0])
    await other.ensure()
    old, _ = await ring.signer()
    token = await tokens.issue(ring, HOLDER, SESSION)
    await ring.promote(await ring.add())
    await ring.retire(old, timedelta(minutes=10))
    await tokens.read(ring, token)
    assert (await ring.signer())[0] != old
    await ring.retire(old, timedelta(0))
    with pytest.raises(RefusedTokenError):
        await tokens.read(ring, token)
    await tokens.read(other, token)
    clock[0] += STALE_SECONDS
    with pytest.raises(RefusedTokenError):
        await tokens.read(other, token)


async def test_servers_that_start_together_agree_on_one_key(database: Database) -> None:
    rings = [KeyRing(database, SEAL) for _ in range(6)]
    await asyncio.gather(*(one.ensure() for one in rings))
    assert len({(await one.signer())[0] for one in rings}) == 1


async def test_another_secret_does_not_open_the_ring(database: Database, ring: KeyRing) -> None:
    with pytest.raises(StartError, match="another secret"):
        await KeyRing(database, Seal(credentials.new_secret())).ensure()
    async with database.installation() as whole:
        (key,) = await whole.signing_keys.living()
    _, private = await ring.signer()
    assert private.private_bytes_raw() not in key.sealed_private_key
    with pytest.raises(StartError):
        SEAL.open(UUID(int=7).hex, key.sealed_private_key)
