"""One mapping from what can go wrong to what a client is told (RFC 9457)."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from citewell.api.schemas.problems import MEANINGS, Code, Problem, ProblemField
from citewell.domain.errors import (
    AppError,
    FieldProblem,
    InvalidError,
    LimitedError,
)

MEDIA_TYPE = "application/problem+json"
MAX_PROBLEMS = 20
MAX_SHOWN = 500

_OF_THE_FRAMEWORK: Mapping[int, tuple[str, str, str]] = {
    400: ("malformed", "The request cannot be read.", "/openapi.json describes every request."),
    404: ("not_found", "There is no such address here.", "/openapi.json lists all there are."),
    405: ("method_not_allowed", "This address does not take this method.", "See `Allow`."),
}
_WORDING = {"extra_forbidden": "This field is not known.", "missing": "This field is needed."}
_PLACES = frozenset({"body", "query", "path", "header", "cookie"})


def status_of(error: AppError) -> int:
    """The HTTP status of an error: that of its code."""
    return MEANINGS[Code(error.code)].status


def request_id(scope: Scope) -> str:
    """The id that the outermost middleware gave to this request."""
    return str(scope.get("state", {}).get("request_id", ""))


def app_error_response(error: AppError, scope: Scope) -> Response:
    """The problem that an expected failure is shown as."""
    status = status_of(error)
    headers: dict[str, str] = {}
    if isinstance(error, LimitedError):
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after)))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    problem = _problem(scope, status, error.code, error.message)
    problem.hint = shown(error.hint)
    problem.retryable = error.retryable
    problem.errors = [ProblemField(**one) for one in fields_of(error)]
    return _respond(problem, headers)


def fields_of(error: AppError) -> list[dict[str, str]]:
    """Each field that is at fault and what is wrong with it, as they may be shown."""
    fields = error.errors if isinstance(error, InvalidError) else ()
    return [
        {"field": shown(one.field), "message": shown(one.message)} for one in fields[:MAX_PROBLEMS]
    ]


def http_problem(scope: Scope, status: int, code: str, detail: str, *, hint: str = "") -> Response:
    """A problem that no `AppError` stands for."""
    problem = _problem(scope, status, code, detail)
    problem.hint = hint
    return _respond(problem, {})


def unexpected_response(scope: Scope) -> Response:
    """What a client is told of a defect: nothing but the id under which it was logged."""
    message = "Something went wrong on the server; the request id names it in the log."
    return _respond(_problem(scope, 500, "internal", message), {})


async def answer_app_error(request: Request, error: Exception) -> Response:
    """Handler for `AppError`."""
    assert isinstance(error, AppError)
    return app_error_response(error, request.scope)


async def answer_validation(request: Request, error: Exception) -> Response:
    """Handler for a request that does not have the declared shape."""
    assert isinstance(error, RequestValidationError)
    return app_error_response(invalid(error.errors()), request.scope)


async def answer_http(request: Request, error: Exception) -> Response:
    """Handler for what the framework itself refuses: unknown paths, methods, broken bodies."""
    assert isinstance(error, HTTPException)
    code, detail, hint = _OF_THE_FRAMEWORK.get(error.status_code, _OF_THE_FRAMEWORK[400])
    response = http_problem(request.scope, error.status_code, code, detail, hint=hint)
    response.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["allow"] = ", ".join(allowed(request))
    return response


def allowed(request: Request) -> list[str]:
    """Every method that some route takes at the address of this request."""
    routes: Sequence[Route] = request.app.state.routes
    found: set[str] = set()
    for route in routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return sorted(found | ({"HEAD"} if "GET" in found else set()))


def from_validation(error: ValidationError) -> InvalidError:
    """The same, for a body that was parsed outside of the framework."""
    return invalid([{**one, "loc": ("body", *one["loc"])} for one in error.errors()])


def invalid(errors: Sequence[Mapping[str, object]]) -> InvalidError:
    """The error for Pydantic's list of what is wrong; values that were sent are not repeated."""
    problems = tuple(_field(one) for one in errors[:MAX_PROBLEMS])
    return InvalidError(
        "The request does not have the declared shape.",
        hint="`errors` names each field; /openapi.json describes them.",
        errors=problems,
    )


def shown(text: str) -> str:
    """`text` as it may be shown: encodable, and not longer than a reader wants."""
    return text.encode("utf-8", "replace").decode("utf-8")[:MAX_SHOWN]


def _field(error: Mapping[str, object]) -> FieldProblem:
    where = error["loc"]
    assert isinstance(where, tuple)
    names = [str(part) for part in (where[1:] if where[:1] and where[0] in _PLACES else where)]
    message = _WORDING.get(str(error["type"])) or str(error["msg"]).removeprefix("Value error, ")
    return FieldProblem(".".join(names) or str(where[0] if where else "body"), message)


def _problem(scope: Scope, status: int, code: str, detail: str) -> Problem:
    return Problem(
        type=f"urn:citewell:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=shown(detail),
        code=code,
        request_id=request_id(scope),
    )


def _respond(problem: Problem, headers: dict[str, str]) -> Response:
    return Response(problem.model_dump_json(), problem.status, headers, MEDIA_TYPE)
