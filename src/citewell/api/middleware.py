"""Around every request: an id, a known host, headers that protect a browser, a line in the log."""

import ipaddress
import re
import time
from dataclasses import dataclass, field
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from citewell.api.errors import app_error_response, http_problem, unexpected_response
from citewell.api.server import Server
from citewell.domain.errors import UnavailableError
from citewell.telemetry import metrics
from citewell.telemetry.logs import bind, logger

ALWAYS_SERVED = frozenset({"/livez", "/readyz", "/healthz"})
# Opening the link uses it up, and a preview of it must not.
NOT_BY_HEAD = frozenset({"/signin", "/auth/oidc/callback"})
DENYING_CSP = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS = {
    "content-security-policy": DENYING_CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
HSTS = "max-age=31536000"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_STARTS = frozenset({"http.response.start", "websocket.http.response.start", "websocket.accept"})

log = logger(__name__)


@dataclass(slots=True)
class _Exchange:
    """One request and what has become of it so far."""

    scope: Scope
    method: str
    request_id: str
    began: float = field(default_factory=time.perf_counter)
    status: int = 0

    @property
    def route(self) -> str:
        if self.method == "WS" and "endpoint" in self.scope:
            return str(self.scope["path"])  # A socket's address has no parameters.
        return str(getattr(self.scope.get("route"), "path", "unmatched"))

    def mark(self, message: Message) -> None:
        """Note the status and add the headers to the message that starts the reply."""
        if message["type"] not in _STARTS:
            return
        self.status = message.get("status", 101)
        headers = MutableHeaders(scope=_with_headers(message))
        headers["x-request-id"] = self.request_id
        if self.status == 101:
            return
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        standing = self.scope["state"].get("standing")
        if standing is not None:
            headers.update(standing.headers())
        if self.scope["scheme"] in {"https", "wss"}:
            headers["strict-transport-security"] = HSTS

    def record(self) -> None:
        """Count it and write its line; nothing of what was sent is in either."""
        seconds = time.perf_counter() - self.began
        metrics.requests.labels(self.method, self.route, str(self.status)).inc()
        metrics.request_seconds.labels(self.method, self.route).observe(seconds)
        log.info(
            "http.request",
            method=self.method,
            route=self.route,
            status=self.status,
            ms=round(seconds * 1000, 1),
        )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WS"})


@dataclass(frozen=True, slots=True)
class Envelope:
    """The outermost layer; every reply passes through it, whatever went wrong inside."""

    app: ASGIApp
    server: Server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of any kind."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        method = _method(scope)
        if method == "HEAD" and scope["path"] not in NOT_BY_HEAD:
            # Whoever answers GET answers HEAD; the server leaves the body out (RFC 9110, 9.3.2).
            scope = {**scope, "method": "GET"}
        exchange = _Exchange(scope, method, _request_id(scope))
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        bind(request_id=exchange.request_id)

        async def send_marked(message: Message) -> None:
            exchange.mark(message)
            await send(message)

        try:
            await self._serve(exchange, receive, send_marked)
        finally:
            exchange.record()

    async def _serve(self, exchange: _Exchange, receive: Receive, send: Send) -> None:
        scope = exchange.scope
        refusal = self._refusal(scope)
        try:
            if refusal is not None:
                await refusal(scope, receive, send)
            else:
                await self.app(scope, receive, send)
        except ClientDisconnect:
            exchange.status = exchange.status or 499
        except Exception:  # The last line of defence: a defect becomes one log line and a 500.
            log.exception("http.failed", route=exchange.route)
            if not exchange.status:
                await unexpected_response(scope)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        if not is_known_host(scope, self.server.settings.host):
            detail = "This server does not answer to the host name in the request."
            hint = "Use the address that it listens on, or set HOST to this name."
            return http_problem(scope, 421, "wrong_host", detail, hint=hint)
        if is_framed_twice(scope):
            detail = "The request has both a Content-Length and a Transfer-Encoding."
            refused = http_problem(scope, 400, "malformed", detail)
            refused.headers["connection"] = "close"  # Nobody knows where it ends.
            return refused
        if self.server.app is None and scope["path"] not in ALWAYS_SERVED:
            error = UnavailableError(self.server.waiting_for, hint="Try again in a moment.")
            return app_error_response(error, scope)
        return None


def bare_reply(status: int, code: str, detail: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body of a problem for a connection on which there is no request to speak of."""
    scope: Scope = {"state": {"request_id": uuid4().hex}}
    response = http_problem(scope, status, code, detail)
    for name, value in {**HEADERS, "x-request-id": scope["state"]["request_id"]}.items():
        response.headers[name] = value
    return response.raw_headers, bytes(response.body)


def is_known_host(scope: Scope, configured: str) -> bool:
    """Whether `Host` is a loopback name, the configured host, or the address that was reached.

    Anything else may be a name that somebody else's page has pointed at this machine.
    """
    sent = Headers(scope=scope).getlist("host")
    if len(sent) != 1:
        return False
    name = _host_name(sent[0])
    bound = (scope.get("server") or ("",))[0]
    if name in {"localhost", configured.lower()}:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or str(address) == bound


def is_framed_twice(scope: Scope) -> bool:
    """Whether two headers say where the body ends; whoever is in between may believe the other."""
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers and "content-length" in headers


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().removesuffix(".")


def _method(scope: Scope) -> str:
    method = "WS" if scope["type"] == "websocket" else str(scope["method"])
    return method if method in _METHODS else "OTHER"


def _request_id(scope: Scope) -> str:
    sent = Headers(scope=scope).get("x-request-id", "")
    return sent if _REQUEST_ID.fullmatch(sent) else uuid4().hex


def _with_headers(message: Message) -> Message:
    message["headers"] = list(message.get("headers", []))
    return message
