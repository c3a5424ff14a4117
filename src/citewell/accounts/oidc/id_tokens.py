"""ID tokens (OpenID Connect Core 1.0, 3.1.3.7): believed from one provider, for one sign-in."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError

from citewell.accounts.jws import RefusedTokenError, header_of, payload_of
from citewell.accounts.oidc.provider import Provider
from citewell.domain.accounts import fold_email

SKEW_SECONDS = 60
MAX_SUBJECT = 255
MAX_EMAIL = 254


@dataclass(frozen=True, slots=True)
class Identified:
    """Whom a provider vouches for; `email` is empty unless it has verified that it is theirs."""

    subject: str
    email: str


async def read(provider: Provider, given: Mapping[str, Any], nonce: str) -> Identified:
    """Whom the tokens that were given for a code name.

    Raises `RefusedTokenError` for an ID token that is not this provider's, not for us, not for the
    attempt with this `nonce`, or not of now; other errors as `Provider.key`.
    """
    token = given.get("id_token")
    if not isinstance(token, str):
        raise RefusedTokenError("there is none")
    header = header_of(token)
    key = await provider.key(header.get("kid", ""))
    if key is None:
        raise RefusedTokenError("its key is not one of the provider's")
    try:
        claims = json.loads(payload_of(token, key))
    except (ValueError, RecursionError) as error:
        raise RefusedTokenError("it is no JSON") from error
    if not isinstance(claims, dict):
        raise RefusedTokenError("it is no JSON object")
    _check(provider, header, claims, {"nonce": nonce, "access_token": given.get("access_token")})
    return _identified(claims)


def _check(
    provider: Provider, header: dict[str, str], claims: dict[str, Any], expected: dict[str, Any]
) -> None:
    client = provider.registration.client_id
    options = {
        "iss": {"essential": True, "value": provider.registration.issuer},
        "aud": {"essential": True, "value": client},
    }
    token = CodeIDToken(claims, header, options, {**expected, "client_id": client})
    try:
        token.validate(int(time.time()), SKEW_SECONDS)
    except JoseError as error:
        # The library's words and names of claims, nothing that somebody sent.
        raise RefusedTokenError(str(error)) from error
    except (TypeError, ValueError) as error:
        raise RefusedTokenError("a claim has a wrong type") from error


def _identified(claims: Mapping[str, Any]) -> Identified:
    subject, email = claims["sub"], claims.get("email")
    if not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
        raise RefusedTokenError("its subject is none")
    is_theirs = claims.get("email_verified") is True and isinstance(email, str)
    address = fold_email(email) if is_theirs and isinstance(email, str) else ""
    is_address = len(address) <= MAX_EMAIL and address.isprintable() and address.count("@") == 1
    return Identified(subject, address if is_address else "")
