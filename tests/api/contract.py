"""Does a reply keep the contract? A small checker for the part of JSON Schema that we publish."""

import re
from collections.abc import Mapping
from typing import Any

import httpx

from citewell.api.middleware import HEADERS

KINDS: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


class Contract:
    """Checks every reply of a client against the OpenAPI document of its server."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.seen: set[tuple[str, str, str]] = set()
        self.paths = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path, item)
            for path, item in document["paths"].items()
        ]

    async def check(self, reply: httpx.Response) -> None:
        await reply.aread()
        for name in HEADERS:
            assert name in reply.headers, f"{reply.request.url} lacks {name}"
        assert reply.headers["x-request-id"]
        kind = reply.headers.get("content-type", "").partition(";")[0]
        if reply.is_error and reply.request.method != "HEAD":
            assert kind == "application/problem+json", (reply.request.url, kind, reply.text)
            self._check(reply.json(), {"$ref": "#/components/schemas/Problem"}, "problem")
            assert reply.json()["status"] == reply.status_code
            assert reply.json()["request_id"] == reply.headers["x-request-id"]
        operation = self._operation(reply.request)
        if operation is None:
            return
        declared = self._resolve(operation["responses"].get(str(reply.status_code)))
        place = f"{reply.request.method} {reply.request.url.path} {reply.status_code}"
        assert declared, f"{place} is not declared"
        self.seen.add((operation["operationId"], str(reply.status_code), kind))
        if reply.content:
            schema = declared["content"][kind].get("schema", {})
            if "json" in kind:
                self._check(reply.json(), schema, place)

    def _operation(self, request: httpx.Request) -> Any:
        for pattern, _, item in self.paths:
            if pattern.fullmatch(request.url.path):
                return item.get(request.method.lower())
        return None

    def _resolve(self, schema: Any) -> Any:
        while schema and "$ref" in schema:
            found: Any = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def _check(self, value: Any, schema: Any, place: str) -> None:
        schema = self._resolve(schema)
        if "anyOf" in schema:
            self._check_any(value, schema["anyOf"], place)
            return
        kind = schema.get("type")
        if kind:
            assert isinstance(value, KINDS[kind]), f"{place}: {value!r} is no {kind}"
            assert kind == "boolean" or not isinstance(value, bool), place
        if "enum" in schema:
            assert value in schema["enum"], place
        if isinstance(value, dict):
            self._check_object(value, schema, place)
        if isinstance(value, list):
            for number, item in enumerate(value):
                self._check(item, schema.get("items", {}), f"{place}[{number}]")

    def _check_any(self, value: Any, schemas: list[Any], place: str) -> None:
        problems = []
        for schema in schemas:
            try:
                self._check(value, schema, place)
            except AssertionError as error:
                problems.append(str(error))
            else:
                return
        raise AssertionError("; ".join(problems))

    def _check_object(self, value: dict[str, Any], schema: Any, place: str) -> None:
        known = schema.get("properties", {})
        missing = set(schema.get("required", ())) - set(value)
        assert not missing, f"{place} lacks {missing}"
        for name, item in value.items():
            if name in known:
                self._check(item, known[name], f"{place}.{name}")
            else:
                extra = schema.get("additionalProperties", True)
                assert extra is not False, f"{place}.{name} is not declared"
                if isinstance(extra, dict):
                    self._check(item, extra, f"{place}.{name}")
