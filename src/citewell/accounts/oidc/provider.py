"""A provider of OpenID Connect: its description, its keys, and what it gives for a code."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from authlib.oauth2 import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.discovery import get_well_known_url

from citewell.accounts.jws import RefusedTokenError, VerificationKey, verification_key
from citewell.accounts.oidc.attempts import Attempt
from citewell.accounts.oidc.registration import Registration, misdescribed
from citewell.accounts.oidc.remembering import Remembered
from citewell.domain.errors import UnauthenticatedError, UnavailableError, UpstreamError
from citewell.inference.egress.clients import Form, fetch
from citewell.inference.egress.exchange import Bounds, Reply, UnreachableError

DESCRIPTION_SECONDS = 3600.0
KEYS_SECONDS = 3600.0
# A key that the provider has just begun to use is known after at most so long.
UNKNOWN_SECONDS = 60.0
DOCUMENT = Bounds(5.0, 256 * 1024)
EXCHANGE = Bounds(10.0, 64 * 1024)
# Sign-ins that wait for the provider at the same moment.
AT_ONCE = 16
SCOPE = "openid email"
AUTHORIZATION, TOKEN, KEYS = "authorization_endpoint", "token_endpoint", "jwks_uri"

# For keys that do not say it (RFC 7517 lets them); a token cannot choose.
_ALGORITHMS = {"RSA": "RS256", "P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_ALGORITHMS |= {"Ed25519": "EdDSA"}


@dataclass(frozen=True, slots=True)
class Description:
    """Where a provider's doors are, and how clients show their secret there."""

    authorization: str
    token: str
    keys: str
    method: str


@dataclass(slots=True)
class Provider:
    """The one that is configured.

    Every method raises `UnavailableError` when the provider does not answer in time, and
    `UpstreamError` when it answers wrongly.
    """

    registration: Registration
    clock: Callable[[], float] = time.monotonic
    _description: Remembered[Description] = field(init=False)
    _keys: Remembered[Mapping[str, VerificationKey]] = field(init=False)
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def __post_init__(self) -> None:
        """Nothing is asked before it is needed."""
        self._description = Remembered(self._describe, self.clock)
        self._keys = Remembered(self._fetch_keys, self.clock)

    async def describe(self) -> Description:
        """What its discovery document says (OpenID Connect Discovery 1.0)."""
        return await self._description.get(seconds=DESCRIPTION_SECONDS)

    async def address(self, attempt: Attempt) -> str:
        """Where a browser begins an attempt."""
        described = await self.describe()
        begun: str = prepare_grant_uri(
            described.authorization,
            self.registration.client_id,
            "code",
            redirect_uri=self.registration.redirect_uri,
            scope=SCOPE,
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
        )
        return begun

    async def exchange(self, code: str, attempt: Attempt) -> Mapping[str, Any]:
        """What a code is worth; raises `UnauthenticatedError` for one that is worth nothing."""
        described = await self.describe()
        body = prepare_token_request(
            "authorization_code",
            code=code,
            redirect_uri=self.registration.redirect_uri,
            code_verifier=attempt.verifier,
        )
        client = self.registration
        signer = ClientAuth(client.client_id, client.secret, described.method)
        _, headers, content = signer.prepare("POST", described.token, {}, body)
        if self._turns.locked():
            raise UnavailableError("Too many people sign in just now.", hint="Try again shortly.")
        async with self._turns:
            reply = await self._ask(described.token, EXCHANGE, Form(content, headers))
        said = _object(reply)
        if reply.status == 200 and said is not None:
            return said
        raise _refusal(reply.status, said or {})

    async def key(self, kid: str) -> VerificationKey | None:
        """The key of this id; the only key, for a token that names none."""
        keys = await self._keys.get(seconds=KEYS_SECONDS)
        if kid and kid not in keys:
            keys = await self._keys.get(seconds=UNKNOWN_SECONDS)
        if not kid:
            return next(iter(keys.values())) if len(keys) == 1 else None
        return keys.get(kid)

    async def _describe(self) -> Description:
        address = get_well_known_url(self.registration.issuer, external=True)
        said = await self._document(address, "description")
        if said.get("issuer") != self.registration.issuer:
            raise misdescribed("it calls itself by another name than CITEWELL_OIDC__ISSUER")
        if "S256" not in said.get("code_challenge_methods_supported", ["S256"]):
            raise misdescribed("it does not support PKCE with S256")
        check = self.registration.check_endpoint
        return Description(
            authorization=check(AUTHORIZATION, said.get(AUTHORIZATION)),
            token=check(TOKEN, said.get(TOKEN)),
            keys=check(KEYS, said.get(KEYS)),
            method=self._method(said.get("token_endpoint_auth_methods_supported")),
        )

    def _method(self, supported: object) -> str:
        if self.registration.secret is None:
            return "none"
        for method in ("client_secret_basic", "client_secret_post"):
            # Without a word about it, the first one is meant.
            if not isinstance(supported, list) or method in supported:
                return method
        raise misdescribed("it takes a client's secret in no way that is known here")

    async def _fetch_keys(self) -> Mapping[str, VerificationKey]:
        said = await self._document((await self.describe()).keys, "set of keys")
        found = said.get("keys")
        keys = [_key(one) for one in found] if isinstance(found, list) else []
        return dict(pair for pair in keys if pair is not None)

    async def _document(self, address: str, name: str) -> dict[str, Any]:
        reply = await self._ask(address, DOCUMENT)
        said = _object(reply)
        if reply.status != 200 or said is None:
            raise misdescribed(f"its {name} is no JSON object (status {reply.status})")
        return said

    async def _ask(self, address: str, bounds: Bounds, form: Form | None = None) -> Reply:
        try:
            reply = await fetch(self.registration.issuer, address, bounds, form)
        except UnreachableError as error:
            raise _gone(str(error)) from error
        if reply.status == 429 or reply.status >= 500:
            raise _gone(f"it answered {reply.status}")
        return reply


def _key(jwk: object) -> tuple[str, VerificationKey] | None:
    """A key and its id; None for one that signs nothing that would be believed."""
    if not isinstance(jwk, dict):
        return None
    kind = jwk.get("kty") if jwk.get("kty") == "RSA" else jwk.get("crv")
    algorithm = jwk.get("alg", _ALGORITHMS.get(str(kind)))
    try:
        return str(jwk.get("kid", "")), verification_key({**jwk, "alg": algorithm})
    except RefusedTokenError:
        return None


def _gone(why: str) -> UnavailableError:
    return UnavailableError(
        f"The sign-in provider is not there: {why}.",
        hint="Try again in a moment, or sign in in another way.",
        retry_after=5,
    )


def _object(reply: Reply) -> dict[str, Any] | None:
    try:
        said = json.loads(reply.content)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _refusal(status: int, said: Mapping[str, Any]) -> UnauthenticatedError | UpstreamError:
    if said.get("error") == "invalid_grant":
        return UnauthenticatedError(
            "The sign-in provider does not know this sign-in, or it is over.",
            hint="Begin once more.",
        )
    if status == 401 or said.get("error") in {"invalid_client", "unauthorized_client"}:
        return UpstreamError(
            "The sign-in provider does not accept this server's client id and secret.",
            hint="Check CITEWELL_OIDC__CLIENT_ID and CITEWELL_OIDC__CLIENT_SECRET.",
        )
    return UpstreamError(
        f"The sign-in provider answered a code with status {status} and no tokens.",
        hint="Its own log says why.",
    )
