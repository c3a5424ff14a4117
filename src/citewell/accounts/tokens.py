"""Access tokens (RFC 9068): short-lived, signed by our own ring, and for nothing but our API."""

import json
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import jwt

from citewell.accounts.jws import RefusedTokenError, header_of, payload_of
from citewell.accounts.ring import ALGORITHM, KeyRing
from citewell.domain.ids import SessionId, TenantId, UserId
from citewell.domain.principal import Principal

ISSUER = "citewell"
AUDIENCE = "citewell-api"
TYPE = "at+jwt"
LIFETIME = timedelta(minutes=5)
MAX_LIFETIME = timedelta(minutes=10)
# Between the clocks of two servers.
SKEW_SECONDS = 5

TEXTS = ("iss", "aud", "sub", "tenant", "sid", "jti")
TIMES = ("exp", "nbf", "iat")

_KID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Claims:
    """Whom a token names; what they may do is looked up."""

    user_id: UserId
    tenant_id: TenantId
    session_id: SessionId
    seconds_left: float


def looks_like_token(credential: str) -> bool:
    """Whether it has the form of a token, so that it can be nothing else."""
    return credential.startswith("eyJ") and credential.count(".") == 2  # Three parts.


async def issue(ring: KeyRing, holder: Principal, session_id: SessionId) -> str:
    """A token of `LIFETIME` for the holder's session."""
    kid, key = await ring.signer()
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(holder.user_id),
        "tenant": str(holder.tenant_id),
        "sid": str(session_id),
        "jti": uuid4().hex,
        "iat": now,
        "nbf": now,
        "exp": now + int(LIFETIME.total_seconds()),
    }
    return jwt.encode(claims, key, ALGORITHM, {"kid": kid, "typ": TYPE})


async def read(ring: KeyRing, token: str) -> Claims:
    """What a token of ours says; raises `RefusedTokenError` for every other one."""
    header = header_of(token)
    kid = header.get("kid", "")
    if header.get("typ") != TYPE or not _KID.fullmatch(kid):
        raise RefusedTokenError("it is no access token of this server")
    key = await ring.find(kid)
    if key is None:
        raise RefusedTokenError("its key is not in the ring")
    return _claims(payload_of(token, key), time.time())


def _claims(payload: bytes, now: float) -> Claims:
    try:
        said = json.loads(payload)
        texts = {name: _text(said[name]) for name in TEXTS}
        times = {name: _seconds(said[name]) for name in TIMES}
        user, tenant, session = (UUID(texts[name]) for name in ("sub", "tenant", "sid"))
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedTokenError("a claim is missing or malformed") from error
    if (texts["iss"], texts["aud"]) != (ISSUER, AUDIENCE):
        raise RefusedTokenError("it is from somebody else or for something else")
    if times["nbf"] > now + SKEW_SECONDS or times["iat"] > now + SKEW_SECONDS:
        raise RefusedTokenError("it is not valid yet")
    if times["exp"] <= now:
        raise RefusedTokenError("it has expired")
    if times["exp"] - times["iat"] > MAX_LIFETIME.total_seconds():
        raise RefusedTokenError("it would live too long")
    left = times["exp"] - now
    return Claims(UserId(user), TenantId(tenant), SessionId(session), left)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is expected")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("whole seconds are expected")
    return float(value)
