"""A small provider of OpenID Connect: real keys, real endpoints, a real check of PKCE.

It lets `person` in without asking. What it puts into an ID token, how it signs it and how it fails
is the story's to change.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from jwt.api_jws import PyJWS

from tests.api.conftest import listening

CLIENT, SECRET = "citewell-at-test", "s3cret: with a colon"
Claims = dict[str, Any]


@cache
def rsa_key(name: str = "first") -> RSAPrivateKey:
    """One of this name for the whole run: making them is slow."""
    return generate_private_key(65537, 2048)


@dataclass(frozen=True, slots=True)
class SigningKey:
    kid: str
    algorithm: str
    private: Any

    def jwk(self) -> dict[str, Any]:
        kind = jwt.get_algorithm_by_name(self.algorithm)
        public = kind.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def sign(self, claims: Claims) -> str:
        content, header = json.dumps(claims).encode(), {"kid": self.kid}
        return PyJWS().encode(content, self.private, self.algorithm, header)


def rsa(kid: str = "rsa-1", name: str = "first") -> SigningKey:
    return SigningKey(kid, "RS256", rsa_key(name))


def ed25519(kid: str = "ed-1") -> SigningKey:
    return SigningKey(kid, "EdDSA", Ed25519PrivateKey.generate())


def ada(**more: Any) -> Claims:
    return {"sub": "ada-1", "email": "ada@example.org", "email_verified": True, **more}


@dataclass(slots=True)
class ProviderAtTest:
    issuer: str = ""
    keys: list[SigningKey] = field(default_factory=lambda: [rsa(), ed25519()])
    person: Claims = field(default_factory=ada)
    # What the next ID tokens say otherwise; None leaves a claim out.
    lies: Claims = field(default_factory=dict)
    sign: Callable[[Claims], str] | None = None
    about: dict[str, Any] = field(default_factory=dict)
    # Whole answers instead of the usual ones, by path.
    instead: dict[str, Response] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)
    given: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?theme=plain",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            **self.about,
        }

    def authorize(self, asked: dict[str, str]) -> str:
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.issuer, "session_state": "x"}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if authorization != f"Basic {basic}":
            return 401, {"error": "invalid_client"}
        begun = self._codes.pop(form["code"], None)
        if begun is None or form["grant_type"] != "authorization_code":
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        same = begun["code_challenge"] == challenge
        if not same or begun["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        access = secrets.token_urlsafe(16)
        token = self.id_token(begun["nonce"], access)
        self.given += [form["code"], access, token]
        return 200, {"access_token": access, "token_type": "Bearer", "id_token": token}

    def id_token(self, nonce: str, access: str) -> str:
        half = hashlib.sha256(access.encode()).digest()[:16]
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            **self.person,
            **self.lies,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        return (self.sign or self.keys[0].sign)(said)

    async def interfere(self, path: str) -> Response | None:
        self.asked[path] += 1
        if path in self.silent:
            await asyncio.Event().wait()
        return self.instead.get(path)

    def api(self) -> FastAPI:
        api = FastAPI()

        @api.get("/.well-known/openid-configuration")
        async def describe() -> Response:
            return await self.interfere("description") or JSONResponse(self.description())

        @api.get("/keys")
        async def keys() -> Response:
            shown = {"keys": [key.jwk() for key in self.keys]}
            return await self.interfere("keys") or JSONResponse(shown)

        @api.get("/authorize")
        async def authorize(request: Request) -> Response:
            return RedirectResponse(self.authorize(dict(request.query_params)), 302)

        @api.post("/token")
        async def token(request: Request) -> Response:
            form = dict(parse_qsl((await request.body()).decode()))
            other = await self.interfere("token")
            if other is not None:
                return other
            status, said = self.redeem(form, request.headers.get("authorization", ""))
            return JSONResponse(said, status)

        return api


@asynccontextmanager
async def running(provider: ProviderAtTest) -> AsyncIterator[ProviderAtTest]:
    async with listening(provider.api()) as address:
        provider.issuer = f"http://{address}"
        yield provider


def unsigned(claims: Claims) -> str:
    """The token of a provider that signs nothing."""
    return f"{part({'alg': 'none', 'typ': 'JWT', 'kid': 'rsa-1'})}.{part(claims)}."


def signed_with_public_key(key: SigningKey) -> Callable[[Claims], str]:
    """As if the public key, which everybody has, were a shared secret."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = key.private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(claims: Claims) -> str:
        signed = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': key.kid})}.{part(claims)}"
        mac = base64.urlsafe_b64encode(hmac_of(pem, signed.encode())).rstrip(b"=").decode()
        return f"{signed}.{mac}"

    return sign


def hmac_of(key: bytes, content: bytes) -> bytes:
    import hmac

    return hmac.digest(key, content, "sha256")


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
