"""The page of the HTTP interface, from the OpenAPI document and the policies of the routes."""

from typing import Any

from citewell.api.app import create_app, guarded_routes
from citewell.api.guard import Policy, policy_of
from citewell.api.schemas.problems import MEANINGS
from citewell.config import Settings

INTRODUCTION = """# HTTP

The contract for programs is [openapi.json](openapi.json), also served at `/openapi.json`; this
page is made from it. Sign in with `Authorization: Bearer <key>`, `X-API-Key: <key>`, or the cookie
of a browser session. A body has a limit, an unknown field or query parameter is refused, and every
failure is `application/problem+json` with a stable `code` and a `hint`.

`WS /ws` takes the same credentials in its handshake: send a text, or
`{"op": "start", "input": "…"}`, and read the events of the run.
"""


def _unopened() -> Any:
    """The document needs no open `App`."""
    raise AssertionError("The application was started.")


def document() -> dict[str, Any]:
    """The OpenAPI document of this source, whatever the environment says."""
    api = create_app(Settings.model_construct(), _unopened)
    made: dict[str, Any] = api.state.openapi
    return made


def page() -> str:
    """The whole page."""
    made = document()
    policies = {route.name: policy_of(route.endpoint) for route in guarded_routes()}
    lines = [INTRODUCTION, "## Errors\n", "| status | meaning |", "|---|---|"]
    for name, response in sorted(made["components"]["responses"].items()):
        lines.append(f"| {name.removeprefix('Problem')} | {response['description']} |")
    lines += ["", "| `code` | status | meaning |", "|---|---|---|"]
    lines += [f"| `{code}` | {said.status} | {said.text} |" for code, said in MEANINGS.items()]
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            lines += ["", f"## {method.upper()} {path}\n"]
            lines += _operation(operation, policies[operation["operationId"]])
    lines += ["", "# Shapes", *_shapes(made["components"]["schemas"])]
    return "\n".join(lines) + "\n"


def _operation(operation: dict[str, Any], policy: Policy) -> list[str]:
    lines = [f"{operation['summary']}. {operation.get('description', '')}".strip(), ""]
    lines.append(f"- Who: {_who(policy)}")
    for one in operation.get("parameters", ()):
        said = one.get("description", "")
        shown = f"`{one['name']}` ({one['in']}, {_kind(one['schema'])})"
        lines.append(f"- {shown}{': ' + said if said else ''}")
    body = operation.get("requestBody", {}).get("content", {})
    lines += [f"- Body: `{media}` {_kind(one['schema'])}" for media, one in body.items()]
    problems = []
    for status, reply in operation["responses"].items():
        if "$ref" in reply:
            problems.append(status)
            continue
        content = reply.get("content", {})
        kinds = [f"`{m}` {_kind(c.get('schema', {}))}" for m, c in content.items()]
        lines.append(f"- {status}: {', '.join(kinds) or reply['description']}")
    return [*lines, f"- Errors: {', '.join(problems)}"]


def _who(policy: Policy) -> str:
    if policy.public:
        return "anybody"
    if policy.scope is None:
        return "any credential"
    return f"scope `{policy.scope.value}`, role {policy.role.name.lower()} or higher"


def _shapes(schemas: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for name, schema in sorted(schemas.items()):
        lines += ["", f"## {name}\n"]
        if text := " ".join(schema.get("description", "").split()):
            lines += [text, ""]
        if "enum" in schema:
            lines.append(", ".join(f"`{one}`" for one in schema["enum"]))
            continue
        needed = schema.get("required", ())
        for field, kind in schema.get("properties", {}).items():
            said = kind.get("description", "")
            optional = "" if field in needed else ", optional"
            lines.append(f"- `{field}`: {_kind(kind)}{optional}{'. ' + said if said else ''}")
    return lines


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "properties" in schema and "title" not in schema:
        return "with " + ", ".join(f"`{name}`" for name in schema["properties"])
    kind = schema.get("format") or schema.get("type") or "anything"
    return f"{schema['title']} object" if "properties" in schema else str(kind)
