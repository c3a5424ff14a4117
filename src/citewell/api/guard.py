"""The order of a request: credential, then size, then parsing, then work."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Form, ParamTypes
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Message, Receive

from citewell.api.authentication import authenticate
from citewell.api.bodies.forms import check_form
from citewell.api.bodies.json_bodies import check_json
from citewell.api.bodies.reading import BODY_BYTES, read_body
from citewell.api.server import server_of
from citewell.domain.errors import (
    DeniedError,
    FieldProblem,
    InvalidError,
    StartError,
    UnauthenticatedError,
)
from citewell.domain.principal import Principal, Role, Scope

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may call a route; `public` needs no credential, a `scope` of None any credential.

    A route that reads its body itself says so with `streams`, and bounds it itself. What belongs
    to the whole `installation` is for those of its first tenant. An address to which others append
    what they like (RFC 6749, 4.1.2) has an `open_query`.
    """

    public: bool = False
    scope: Scope | None = None
    role: Role = Role.VIEWER
    streams: bool = False
    installation: bool = False
    open_query: bool = False

    def check(self, principal: Principal) -> None:
        """Pass, or raise `DeniedError`."""
        if self.scope is not None:
            principal.require(self.scope, self.role)
        if self.installation and not principal.runs_installation:
            raise DeniedError("This is for the owners of the installation.")


PUBLIC = Policy(public=True)
COMES_BACK = Policy(public=True, open_query=True)
SIGNED_IN = Policy()
# A role of any height, but no narrow key: what it opens is all that is known of its owner.
OWN_DATA = Policy(scope=Scope.ADMIN)
ADMINISTERS = Policy(scope=Scope.ADMIN, role=Role.ADMIN)
RUNS_INSTALLATION = Policy(scope=Scope.ADMIN, role=Role.OWNER, installation=True)
CAN_SEARCH = Policy(scope=Scope.SEARCH)
CAN_ASK = Policy(scope=Scope.ASK)
CAN_READ = Policy(scope=Scope.DOCUMENTS_READ)
CAN_WRITE = Policy(scope=Scope.DOCUMENTS_WRITE, role=Role.EDITOR)
CAN_UPLOAD = Policy(scope=Scope.DOCUMENTS_WRITE, role=Role.EDITOR, streams=True)


def allow(policy: Policy) -> Callable[[Endpoint], Endpoint]:
    """Declare an endpoint's policy; without one the server does not start."""

    def declare(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, "policy", policy)  # noqa: B010  # A function's type has no such field.
        return endpoint

    return declare


def policy_of(endpoint: Callable[..., Any]) -> Policy:
    """The declared policy; raises `StartError` when there is none."""
    policy = getattr(endpoint, "policy", None)
    if not isinstance(policy, Policy):
        name = getattr(endpoint, "__qualname__", repr(endpoint))
        raise StartError(f"The route {name} declares no policy.", hint="Decorate it with `allow`.")
    return policy


class GuardedRoute(APIRoute):
    """A route that knows its caller before it reads a byte of the body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, behind the policy."""
        policy = policy_of(self.endpoint)
        known = {
            one.alias
            for one in get_flat_params(self.dependant)
            if getattr(one.field_info, "in_", None) is ParamTypes.query
        }
        body_field = self.body_field
        takes_form = body_field is not None and isinstance(body_field.field_info, Form)
        answer = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            async with limited(request):
                await admit(request, policy)
                if not policy.open_query:
                    check_query(request, known)
                if policy.streams or request.method in {"GET", "HEAD"}:
                    return await answer(request)
                body = await read_body(request, BODY_BYTES)
                kind = request.headers.get("content-type", "")
                if takes_form:
                    check_form(kind, body)
                elif body_field is not None:
                    check_json(kind, body)
                return await answer(Request(request.scope, _replay(body, request.receive)))

        return guarded


@asynccontextmanager
async def limited(connection: HTTPConnection) -> AsyncIterator[None]:
    """Count a request against its address, and a credential in it that turns out wrong.

    Raises `LimitedError` before anything is looked at.
    """
    server = server_of(connection)
    sender = server.sender(connection)
    (await server.rates.take_address(sender)).check()
    try:
        yield
    except UnauthenticatedError:
        await server.rates.blame(sender)
        raise


async def admit(request: Request, policy: Policy) -> None:
    """Let the caller through, or raise; the principal is in the request's state afterwards."""
    if policy.public:
        return
    server = server_of(request)
    principal = await authenticate(server.opened(), request)
    request.state.standing = await server.rates.take(principal)
    request.state.standing.check()
    policy.check(principal)
    request.state.principal = principal


def check_query(request: Request, known: set[str]) -> None:
    """Raise `InvalidError` for a query parameter that would have no effect."""
    problems = tuple(
        FieldProblem(name, "This parameter is not known.")
        for name in request.query_params
        if name not in known
    )
    if problems:
        raise InvalidError("The query has unknown parameters.", errors=problems)


def _replay(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    def next_message() -> Awaitable[Message]:
        return _ready(messages.pop()) if messages else receive()

    return next_message


async def _ready(message: Message) -> Message:
    return message
