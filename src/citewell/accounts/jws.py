"""Signed tokens (RFC 7515): one fixed algorithm per key, and nothing believed that a token says.

PyJWT checks the signature. What stands before it here is narrower than the standard: exactly three
parts in strict base64url, a header of known fields only, and public keys alone, so that no key can
be mistaken for a shared secret.
"""

import binascii
import json
import re
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jwt.api_jwk import PyJWK
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

ALGORITHMS: Mapping[str, str] = {
    "EdDSA": "OKP",
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
}
MAX_LENGTH = 8192
MIN_RSA_BITS = 2048
HEADER_FIELDS = frozenset({"alg", "kid", "typ"})

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]+)")
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
# Keys of a broken smart card library (CVE-2017-15361) are powers of 65537 modulo small primes.
_ROCA_PRIMES = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)


class RefusedTokenError(Exception):
    """A token or a key that is not to be believed; the reason is for tests and logs."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key and the only algorithm that it is for."""

    algorithm: str
    key: Any


def verification_key(jwk: Mapping[str, Any]) -> VerificationKey:
    """The public key in a JSON Web Key; raises `RefusedTokenError` for any other key."""
    algorithm = str(jwk.get("alg"))
    if algorithm not in ALGORITHMS or jwk.get("kty") != ALGORITHMS[algorithm]:
        raise RefusedTokenError("the key's algorithm is missing, symmetric or not its type's")
    if jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ["verify"]):
        raise RefusedTokenError("the key is not for signatures")
    if algorithm in _CURVES and jwk.get("crv") != _CURVES[algorithm]:
        raise RefusedTokenError("the key's curve is not its algorithm's")
    public = {name: value for name, value in jwk.items() if name not in {"d", "p", "q"}}
    try:
        key = PyJWK(public, algorithm).key
    except (PyJWTError, ValueError, TypeError) as error:
        raise RefusedTokenError("the key cannot be read") from error
    if ALGORITHMS[algorithm] == "RSA":
        _check_rsa(key.public_numbers().n)
    return VerificationKey(algorithm, key)


def header_of(token: str) -> dict[str, str]:
    """The header as it was sent; raises `RefusedTokenError` for one that says more than it may."""
    parts = _COMPACT.fullmatch(token) if len(token) <= MAX_LENGTH else None
    if parts is None:
        raise RefusedTokenError("the token does not have three parts in base64url")
    try:
        header = json.loads(_decoded(parts[1]), object_pairs_hook=_once)
    except ValueError as error:
        raise RefusedTokenError("the header is no JSON object") from error
    if not isinstance(header, dict) or not set(header) <= HEADER_FIELDS or "alg" not in header:
        raise RefusedTokenError("the header has other fields than alg, kid and typ")
    if not all(isinstance(value, str) for value in header.values()):
        raise RefusedTokenError("the header's fields are not texts")
    return header


def payload_of(token: str, key: VerificationKey) -> bytes:
    """What was signed with this key; raises `RefusedTokenError` when it was not."""
    if header_of(token)["alg"] != key.algorithm:
        raise RefusedTokenError("the token names another algorithm than its key is for")
    for part in token.split("."):
        _decoded(part)
    try:
        payload = PyJWS().decode(token, key.key, algorithms=[key.algorithm])
    except PyJWTError as error:
        raise RefusedTokenError("the signature is wrong") from error
    assert isinstance(payload, bytes)
    return payload


def _decoded(part: str) -> bytes:
    """Strict base64url: one text for the same bytes, so that a token cannot be rewritten."""
    try:
        found = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError) as error:
        raise RefusedTokenError("a part is not base64url") from error
    if b64encode(found, altchars=b"-_").rstrip(b"=").decode() != part:
        raise RefusedTokenError("a part is not the only way to write its bytes")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a field is there twice")
    return dict(pairs)


def _check_rsa(modulus: int) -> None:
    if modulus.bit_length() < MIN_RSA_BITS:
        raise RefusedTokenError("the RSA key is too short")
    if all(modulus % prime in _powers(prime) for prime in _ROCA_PRIMES):
        raise RefusedTokenError("the RSA key comes from a library whose keys can be factored")


def _powers(prime: int) -> set[int]:
    found, power = set(), 1
    while power not in found:
        found.add(power)
        power = power * 65537 % prime
    return found
