"""Tokens that others have made, at the door of the server: refused, and nobody is asked about them.

tests/unit/accounts/test_jws.py holds the same vectors against what they say themselves, with their
own keys in the ring. Here the ring is a server's: what is valid there is refused too, because no
key of this ring has signed it.
"""

import asyncio
import base64
import hmac
import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import OKPAlgorithm

from citewell.accounts import credentials, tokens
from citewell.accounts.jws import RefusedTokenError, VerificationKey, header_of, payload_of
from citewell.accounts.service import Accounts
from citewell.accounts.sign_in import SignIn
from citewell.domain.errors import UnauthenticatedError
from citewell.domain.ids import DEFAULT_TENANT
from citewell.storage.database import Database
from tests.conftest import Counted
from tests.security.credentials.watching import NETWORK, PROCESSES, watching
from tests.unit.accounts.people import add_person, attempt
from tests.unit.accounts.test_jws import vectors

ADDRESS = "ada@example.org"
KIDS = 10_000
# Where other servers have looked for a key because a token told them to.
PLACES = {
    "jku": "http://127.0.0.1:9/keys",
    "x5u": "https://evil.example/cert.pem",
    "jwk": {"kty": "oct", "k": "c2VjcmV0"},
    "x5c": ["MIIB"],
    "x5t": "AAAA",
    "crit": ["exp"],
    "b64": False,
    "zip": "DEF",
    "cty": "JWT",
}


@pytest.fixture
async def accounts(database: Database) -> Accounts:
    made = Accounts.of(database, credentials.new_secret())
    await made.ring.ensure()
    return made


@pytest.fixture
async def access(accounts: Accounts) -> str:
    """A token of the server's own, which opens it."""
    await add_person(accounts, DEFAULT_TENANT, ADDRESS)
    pair = await SignIn(accounts).with_password(attempt(ADDRESS))
    await accounts.authenticate(pair.access)
    return pair.access


async def is_refused(accounts: Accounts, credential: str) -> bool:
    try:
        await accounts.authenticate(credential)
    except UnauthenticatedError:
        return True
    return False


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_header(access: str, **fields: Any) -> str:
    """A server's own token that says something else about itself; its signature is left."""
    head, payload, signature = access.split(".")
    said = {**json.loads(base64.urlsafe_b64decode(head + "==")), **fields}
    return f"{encoded(said)}.{payload}.{signature}"


def forms(public: ed25519.Ed25519PublicKey) -> Iterator[bytes]:
    """Every text that a library may take a public key for, when it wants a shared secret."""
    raw = public.public_bytes_raw()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    ssh = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    jwk = OKPAlgorithm.to_jwk(public)
    yield from (raw, der, pem, pem.rstrip(), ssh, jwk.encode(), b"")
    yield from (raw.hex().encode(), base64.b64encode(raw), encoded(raw).encode())


async def test_no_vector_opens_a_server_and_none_makes_it_ask_anybody(
    accounts: Accounts, access: str, record_property: Counted
) -> None:
    told = [(test["result"], test.get("jws", test.get("jwe"))) for _, _, test in vectors()]
    asked = Counter[str]()
    with watching(NETWORK | PROCESSES) as heard:
        for result, token in told:
            # Some vectors are objects: the long form of a token, which no header can carry.
            text = token if isinstance(token, str) else json.dumps(token)
            assert await is_refused(accounts, text), text[:80]
            asked[result] += 1
    assert heard == []
    assert asked.total() == 649
    assert asked["valid"] > 100
    await accounts.authenticate(access)
    record_property("vectors", asked.total())


async def test_invented_keys_and_places_of_keys_are_refused_without_a_call(
    accounts: Accounts, access: str, seed: int, record_property: Counted
) -> None:
    drawn = random.Random(seed)
    kids = [f"{drawn.getrandbits(128):032x}" for _ in range(KIDS)]
    invented = [with_header(access, kid=kid) for kid in kids]
    own = header_of(access)["kid"]
    strange = ("", "../" * 8 + "etc/passwd", "' OR ''='", "http://127.0.0.1:9/k", "\0", own * 2)
    invented += [with_header(access, kid=kid) for kid in strange]
    for field, value in PLACES.items():
        invented += [with_header(access, **{field: value}), with_header(access, **{field: None})]
    with watching(NETWORK | PROCESSES) as heard:
        refused = await asyncio.gather(*(is_refused(accounts, token) for token in invented))
    assert all(refused)
    assert heard == []
    await accounts.authenticate(access)
    record_property("kids", KIDS)


async def test_the_servers_public_key_signs_nothing_in_any_of_its_spellings(
    accounts: Accounts, access: str
) -> None:
    _, key = await accounts.ring.signer()
    _, payload, _ = access.split(".")
    for secret in forms(key.public_key()):
        for algorithm in ("HS256", "HS384", "HS512"):
            head = encoded({"alg": algorithm, "typ": tokens.TYPE, "kid": header_of(access)["kid"]})
            # By hand: the library refuses to sign so, which is no protection against others.
            mac = hmac.new(secret, f"{head}.{payload}".encode(), f"sha{algorithm[2:]}").digest()
            assert await is_refused(accounts, f"{head}.{payload}.{encoded(mac)}")
    for none in ("none", "None", "NONE", "nOnE", ""):
        for token in (with_header(access, alg=none), with_header(access, alg=none)[:-86]):
            assert await is_refused(accounts, token), none
    await accounts.authenticate(access)


def test_in_a_ring_of_many_algorithms_each_key_believes_its_own_and_no_other() -> None:
    """Of all pairs of a token and a key, only those made for each other are believed."""
    rsa_key = rsa.generate_private_key(65537, 2048)
    privates: dict[str, Any] = {
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "ES384": ec.generate_private_key(ec.SECP384R1()),
        **dict.fromkeys(("RS256", "RS512", "PS256", "PS512"), rsa_key),
    }
    ring = {name: VerificationKey(name, key.public_key()) for name, key in privates.items()}
    signed = {n: jwt.encode({"x": n}, key, n, {"kid": uuid4().hex}) for n, key in privates.items()}
    signed["a shared secret"] = jwt.encode({"x": 1}, b"s" * 64, "HS256")
    believed = set()
    for maker, token in signed.items():
        for name, key in ring.items():
            try:
                payload_of(token, key)
            except RefusedTokenError:
                continue
            believed.add((maker, name))
    assert believed == {(name, name) for name in ring}
