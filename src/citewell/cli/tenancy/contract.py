"""The live OpenAPI document, read as what a request to each route consists of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options", "trace"})


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a request; `path` leads to it in the body, and is its name elsewhere."""

    place: str
    path: tuple[str, ...]
    schema: Schema
    required: bool

    @property
    def name(self) -> str:
        """As people write it."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Operation:
    """A route and what it takes; `public` ones need no credential.

    A route whose body may have one of several shapes is one for each of them, by number.
    """

    id: str
    method: str
    path: str
    public: bool
    fields: tuple[Field, ...]
    body: str | None = None
    shape: int = 0

    @property
    def title(self) -> str:
        """As people write it."""
        return f"{self.method} {self.path}"


def operations(document: Schema) -> list[Operation]:
    """Every route of the document, in its order."""
    return [
        operation
        for path, methods in document["paths"].items()
        for method, said in methods.items()
        if method in METHODS
        for operation in _forms(document, method.upper(), path, said)
    ]


def leaves(document: Schema, schema: Schema, place: str) -> tuple[Field, ...]:
    """The values that a body of this schema holds, nested ones too."""
    return tuple(_leaves(document, schema, place, (), required=True))


def _forms(document: Schema, method: str, path: str, said: Schema) -> Iterator[Operation]:
    fields = tuple(
        Field(
            place=one["in"],
            path=(one["name"],),
            schema=resolved(document, one["schema"]),
            required=one.get("required", False),
        )
        for one in said.get("parameters", ())
    )
    contents = said.get("requestBody", {}).get("content", {})
    body = next((kind for kind in (JSON, FORM) if kind in contents), next(iter(contents), None))
    name, public = said["operationId"], "security" not in said
    if body not in {JSON, FORM}:
        yield Operation(name, method, path, public, fields, body)
        return
    for number, shape in enumerate(_shapes(document, contents[body]["schema"])):
        whole = (*fields, *leaves(document, shape, "body"))
        yield Operation(name, method, path, public, whole, body, number)


def _shapes(document: Schema, schema: Schema) -> list[Schema]:
    """What a body may look like: each alternative of the schema, or of the fields it requires."""
    schema = resolved(document, schema)
    choices = [resolved(document, one) for one in schema.get("oneOf") or schema.get("anyOf") or ()]
    properties = schema.get("properties")
    if not choices or properties is None:
        return choices or [schema]
    chosen = [set(one.get("required", ())) for one in choices]
    return [
        {
            "properties": {
                name: below
                for name, below in properties.items()
                if name in needed or not any(name in other for other in chosen)
            },
            "required": [*schema.get("required", ()), *needed],
        }
        for needed in chosen
    ]


def _leaves(
    document: Schema, schema: Schema, place: str, path: tuple[str, ...], *, required: bool
) -> Iterator[Field]:
    schema = resolved(document, schema)
    properties = schema.get("properties")
    if properties is None:
        yield Field(place, path, schema, required)
        return
    needed = schema.get("required", ())
    for name, below in properties.items():
        yield from _leaves(
            document, below, place, (*path, name), required=required and name in needed
        )


def resolved(document: Schema, schema: Schema) -> Schema:
    """The schema itself, without the reference to it and without null."""
    if "$ref" in schema:
        target: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return resolved(document, target)
    choices = schema.get("anyOf") or schema.get("allOf") or ()
    kinds = [one for one in choices if one.get("type") != "null"]
    if len(kinds) == 1:
        return {**schema, **resolved(document, kinds[0])}
    if "items" in schema:
        return {**schema, "items": resolved(document, schema["items"])}
    return schema
