"""The provider of sign-ins as it is configured, and what a browser keeps on its way through it."""

from pathlib import Path

from starlette.responses import Response

from citewell.accounts.oidc.attempts import LIFETIME_SECONDS
from citewell.accounts.oidc.provider import Provider
from citewell.accounts.oidc.registration import Registration
from citewell.accounts.oidc.sign_on import Newcomers
from citewell.config import OidcSettings
from citewell.domain.accounts import fold_email
from citewell.domain.errors import StartError
from citewell.domain.principal import Role

ATTEMPT_COOKIE = "citewell_sign_on"
PATH = "/auth/oidc"


def provider_of(settings: OidcSettings) -> Provider | None:
    """None when there is none; raises `StartError` for one that cannot be used."""
    if settings.issuer is None:
        return None
    return Provider(
        Registration(
            settings.issuer,
            settings.client_id,
            settings.public_url,
            _secret(settings),
            settings.name,
        )
    )


def newcomers_of(settings: OidcSettings) -> Newcomers:
    """Who may come in without having been added."""
    role = None if settings.newcomers == "refused" else Role[settings.newcomers.upper()]
    domains = frozenset(filter(None, map(fold_email, settings.newcomer_domains.split(","))))
    return Newcomers(role, domains, settings.newcomer_tenant)


def keep_attempt(response: Response, sealed: str, *, secure: bool) -> Response:
    """Have the browser keep an attempt until the provider sends it back.

    It comes from another site then, so that a stricter cookie would stay at home.
    """
    response.set_cookie(
        ATTEMPT_COOKIE,
        sealed,
        max_age=LIFETIME_SECONDS,
        path=PATH,
        secure=secure,
        httponly=True,
        samesite="lax",
    )
    return response


def _secret(settings: OidcSettings) -> str | None:
    if settings.client_secret_file is not None:
        return _checked(_read(settings.client_secret_file), str(settings.client_secret_file))
    if settings.client_secret is None:
        return None
    return _checked(settings.client_secret.get_secret_value(), "CITEWELL_OIDC__CLIENT_SECRET")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(
            f"The client secret cannot be read from {path}: {error}.",
            hint="Put the file there, or unset CITEWELL_OIDC__CLIENT_SECRET_FILE.",
        ) from error


def _checked(secret: str, origin: str) -> str:
    if not (secret.isascii() and secret.isprintable() and secret.strip()):
        raise StartError(
            f"The client secret in {origin} is empty or has characters that cannot be sent.",
            hint="Copy it again from the provider.",
        )
    return secret
