"""Tokens of others: every hostile vector is refused, and nothing that a token says is believed."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from citewell.accounts.jws import (
    RefusedTokenError,
    VerificationKey,
    header_of,
    payload_of,
    verification_key,
)

VECTORS = Path(__file__).parents[3] / ".." / "shared/data/security/jose-wycheproof/testvectors_v1"
# Where we are stricter than the vectors: the key of these says another algorithm than the token.
OTHER_ALGORITHM = {346, 347, 350, 351}


def vectors() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    assert VECTORS.is_dir(), f"The shared test data is missing: {VECTORS}"
    for path in sorted(VECTORS.glob("*.json")):
        for group in json.loads(path.read_text("utf-8"))["testGroups"]:
            for test in group["tests"]:
                yield path.stem, group.get("public") or group["private"], test


def accepts(jwk: dict[str, Any], token: object) -> bool:
    """Whether a ring of these keys believes the token."""
    if not isinstance(token, str):
        return False  # Only the compact form is spoken here.
    try:
        ring = {key.get("kid"): verification_key(key) for key in jwk.get("keys", [jwk])}
        payload_of(token, ring[header_of(token)["kid"]])
    except (RefusedTokenError, KeyError):
        return False
    return True


def test_every_wycheproof_vector_is_judged_as_it_says_or_refused_by_a_rule_of_ours() -> None:
    judged: Counter[str] = Counter()
    for file, jwk, test in vectors():
        believed = accepts(jwk, test.get("jws", test.get("jwe")))
        if test["result"] == "invalid":
            assert not believed, (file, test["tcId"], test["comment"])
            judged["invalid, refused"] += 1
        elif "jwe" in test:
            assert not believed, "nothing is decrypted here"
            judged["encrypted, refused"] += 1
        elif any(key["kty"] == "oct" for key in jwk.get("keys", [jwk])):
            assert not believed, "a shared secret is no key of ours"
            judged["shared secret, refused"] += 1
        elif test["tcId"] in OTHER_ALGORITHM and file == "json_web_signature_test":
            assert not believed
            judged["other algorithm, refused"] += 1
        else:
            assert believed, (file, test["tcId"], test["comment"])
            judged["valid, believed"] += 1
    assert sum(judged.values()) == 649
    assert judged["invalid, refused"] == 527
    assert judged["valid, believed"] == 35
    assert judged["other algorithm, refused"] == 4


def signed(header: dict[str, Any], key: Any, algorithm: str = "EdDSA") -> str:
    return jwt.encode({"x": 1}, key, algorithm, header)


KEY = Ed25519PrivateKey.generate()
OURS = VerificationKey("EdDSA", KEY.public_key())


def test_a_header_that_says_where_to_find_a_key_is_refused() -> None:
    assert payload_of(signed({}, KEY), OURS) == b'{"x":1}'
    for field in ("jku", "jwk", "x5u", "x5c", "x5t", "crit", "cty", "zip", "enc"):
        value: Any = ["exp"] if field in {"crit", "x5c"} else "http://127.0.0.1/key"
        with pytest.raises(RefusedTokenError, match="other fields"):
            payload_of(signed({field: value}, KEY), OURS)


def test_no_other_algorithm_than_the_keys_is_believed() -> None:
    public = KEY.public_key().public_bytes_raw()
    confused = [
        jwt.encode({"x": 1}, "", "none"),
        jwt.encode({"x": 1}, public, "HS256"),
        jwt.encode({"x": 1}, public.hex().encode(), "HS512"),
    ]
    for token in confused:
        with pytest.raises(RefusedTokenError):
            payload_of(token, OURS)
    head, payload, signature = signed({}, KEY).split(".")
    for token in (f"{head}.{payload}.", f"{head}.{payload}", f"{head}.{payload}.{signature}="):
        with pytest.raises(RefusedTokenError):
            payload_of(token, OURS)


def test_a_token_has_one_spelling() -> None:
    token = signed({}, KEY)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # 64 bytes leave four bits of the last character without a meaning.
    others = [token[:-1] + letter for letter in alphabet if letter != token[-1]]
    for other in [*others, token + "\n", f" {token}", token.replace(".", "..", 1)]:
        with pytest.raises(RefusedTokenError):
            payload_of(other, OURS)
