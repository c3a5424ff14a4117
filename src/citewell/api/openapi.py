"""The contract: what FastAPI derives, and every error that a route can answer with."""

from collections.abc import Iterable
from typing import Any

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

import citewell
from citewell.api.errors import MEDIA_TYPE
from citewell.api.guard import GuardedRoute, Policy, policy_of
from citewell.api.schemas.problems import Problem, ProblemField

ANY = {"400": "Malformed", "421": "Unknown host name", "422": "Not the declared shape"}
ANY |= {"500": "A defect, logged under the request id", "503": "Not available now"}
GUARDED = {
    "401": "No known credential",
    "403": "Not allowed",
    "404": "Not there, or not yours",
    "409": "Contradicts what is stored",
    "413": "Over a limit",
    "415": "A kind that nobody here can handle",
    "429": "Too often",
    "502": "A model or service failed",
    "504": "Took too long",
}
RARE = {code: GUARDED[code] for code in ("404", "409", "502")}
RARE |= {"410": "Kept no longer", "412": "Not what the caller has seen"}
PUBLIC = {status: GUARDED[status] for status in ("401", "403", "413", "415", "429")}
STREAM = "text/event-stream"
FRAME = {
    "type": "object",
    "required": ["id", "data"],
    "properties": {
        "id": {"type": "string", "description": "The event's number in its run."},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key or an access token."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "session": {"type": "apiKey", "in": "cookie", "name": "citewell_session"},
}


def document(routes: Iterable[BaseRoute], guarded: Iterable[GuardedRoute]) -> dict[str, Any]:
    """The OpenAPI document; servers are relative, so it is true wherever it is served."""
    made = get_openapi(
        title="Citewell",
        version=citewell.__version__,
        routes=list(routes),
        servers=[{"url": "/"}],
        summary="Ask questions of your own documents; every sentence is footnoted.",
    )
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    template = "#/components/schemas/{model}"
    for model in (ProblemField, Problem):
        schema = model.model_json_schema(mode="serialization", ref_template=template)
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    components["securitySchemes"] = SCHEMES
    components["responses"] = {
        f"Problem{status}": _response(why) for status, why in (ANY | GUARDED | RARE).items()
    }
    _describe_events(made["paths"])
    policies = {route.name: policy_of(route.endpoint) for route in guarded}
    for path in made["paths"].values():
        for operation in path.values():
            _complete(operation, policies[operation["operationId"]])
    return made


def _describe_events(paths: dict[str, Any]) -> None:
    """A stream is a sequence of frames; their data is an event of AG-UI."""
    for path in paths.values():
        for operation in path.values():
            for answer in operation["responses"].values():
                if STREAM in answer.get("content", {}):
                    answer["content"][STREAM] = {"schema": FRAME}


def _response(why: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": why, "content": {MEDIA_TYPE: {"schema": schema}}}


def _sendable(parameter: dict[str, Any]) -> None:
    """Leave out null: what comes in an address or a header is there or not."""
    kinds = [one for one in parameter["schema"].pop("anyOf", []) if one != {"type": "null"}]
    if len(kinds) == 1:
        parameter["schema"] |= kinds[0]
    elif kinds:
        parameter["schema"]["anyOf"] = kinds


def _complete(operation: dict[str, Any], policy: Policy) -> None:
    for parameter in operation.get("parameters", []):
        _sendable(parameter)
    known = ANY | PUBLIC if policy.public else ANY | GUARDED
    for status in [*known, *(RARE.keys() & operation["responses"].keys())]:
        operation["responses"][status] = {"$ref": f"#/components/responses/Problem{status}"}
    operation["responses"] = dict(sorted(operation["responses"].items()))
    if not policy.public:
        operation["security"] = [{name: []} for name in SCHEMES]
