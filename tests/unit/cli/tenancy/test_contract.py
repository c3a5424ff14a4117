"""What requests consist of, read from a document of any route."""

from typing import Any

from citewell.cli.tenancy.contract import Operation, operations

UUID = {"type": "string", "format": "uuid"}


def read(body: dict[str, Any], **schemas: Any) -> list[Operation]:
    content = {"application/json": {"schema": body}}
    said = {"operationId": "put_it", "security": [], "requestBody": {"content": content}}
    return operations({"paths": {"/it": {"put": said}}, "components": {"schemas": schemas}})


def told(operation: Operation) -> dict[str, bool]:
    return {one.name: one.required for one in operation.fields}


def test_nested_values_are_found_and_needed_only_where_what_they_are_in_is() -> None:
    owner = {"properties": {"email": {"type": "string"}, "user": UUID}, "required": ["email"]}
    reference = {"$ref": "#/components/schemas/Owner"}
    body = {
        "properties": {"owner": reference, "guest": {"anyOf": [reference, {"type": "null"}]}},
        "required": ["owner"],
    }
    (operation,) = read(body, Owner=owner)
    assert told(operation) == {
        "owner.email": True, "owner.user": False, "guest.email": False, "guest.user": False,
    }  # fmt: skip
    assert {one.schema.get("format") for one in operation.fields} == {None, "uuid"}


def test_a_body_of_several_shapes_is_a_request_for_each() -> None:
    text = {"properties": {"text": {"type": "string"}}, "required": ["text"]}
    address = {"properties": {"url": {"type": "string"}, "title": {}}, "required": ["url"]}
    made = read({"anyOf": [text, address]})
    assert [told(one) for one in made] == [{"text": True}, {"url": True, "title": False}]
    assert [one.shape for one in made] == [0, 1]


def test_of_fields_that_exclude_each_other_each_request_has_one() -> None:
    body = {
        "properties": {"user": UUID, "role": {"enum": ["viewer"]}, "access": {"enum": ["read"]}},
        "oneOf": [{"required": ["user"]}, {"required": ["role"]}],
    }
    made = [told(one) for one in read(body)]
    assert made == [{"user": True, "access": False}, {"role": True, "access": False}]


def test_a_route_without_a_lock_is_known_as_public() -> None:
    paths: dict[str, Any] = {
        "/open": {"get": {"operationId": "open"}},
        "/shut": {"get": {"operationId": "shut"}},
    }
    paths["/shut"]["get"]["security"] = []
    assert [one.public for one in operations({"paths": paths})] == [True, False]
