"""Who sends a request: the credential it carries, and whether a browser sent it on its own."""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from citewell.bootstrap import App
from citewell.domain.errors import DeniedError, UnauthenticatedError
from citewell.domain.principal import Principal

SESSION_COOKIE = "citewell_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


async def authenticate(app: App, connection: HTTPConnection) -> Principal:
    """The sender. Raises `UnauthenticatedError`, and `DeniedError` for a forged browser request.

    A bearer token wins over `X-API-Key`, which wins over the session cookie.
    """
    credential = bearer(connection)
    if not credential:
        credential = connection.cookies.get(SESSION_COOKIE, "")
        if credential and not _is_own_page(connection):
            raise DeniedError("This request comes from another site's page.")
    return await app.accounts.authenticate(credential)


def bearer(connection: HTTPConnection) -> str:
    """The credential in the request's headers, or nothing."""
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return token.strip()
    if kind:
        raise UnauthenticatedError(
            "Only bearer credentials are understood.", hint="Send `Authorization: Bearer <key>`."
        )
    return connection.headers.get("x-api-key", "")


def is_same_origin(connection: HTTPConnection) -> bool:
    """Whether `Origin` names exactly the scheme, host and port that the request was sent to."""
    sent = connection.headers.get("origin", "")
    try:
        origin = urlsplit(sent)
        own = urlsplit(f"{connection.scope['scheme']}://{connection.headers.get('host', '')}")
        same_port = _port(origin.scheme, origin.port) == _port(own.scheme, own.port)
    except ValueError:
        return False
    # Whatever else is in it, a browser has not written it.
    pure = sent == f"{origin.scheme}://{origin.netloc}" and origin.username is None
    secure = (origin.scheme == "https") == (own.scheme in {"https", "wss"})
    known = origin.scheme in {"http", "https"}
    return bool(known and pure and secure and same_port and origin.hostname == own.hostname)


def _is_own_page(connection: HTTPConnection) -> bool:
    """Whether a browser's own attributes say that our page sent this, or it changes nothing."""
    if connection.scope.get("method", "GET") in SAFE_METHODS and not _is_socket(connection):
        return True
    fetch_site = connection.headers.get("sec-fetch-site")
    if fetch_site is not None and fetch_site != "same-origin":
        return False
    if "origin" in connection.headers:
        return is_same_origin(connection)
    return fetch_site == "same-origin"


def _is_socket(connection: HTTPConnection) -> bool:
    return bool(connection.scope["type"] == "websocket")


def _port(scheme: str, port: int | None) -> int | None:
    return port or _DEFAULT_PORTS.get(scheme)
