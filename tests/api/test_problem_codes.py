"""One list of codes: every failure has one of them, and the contract tells of each."""

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI

from citewell.api.app import guarded_routes
from citewell.api.errors import status_of
from citewell.api.guard import policy_of
from citewell.api.schemas.problems import MEANINGS, Code
from citewell.domain.errors import AppError, DocumentError

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "http.md"


def errors(kind: type[AppError] = AppError) -> Iterator[type[AppError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__.startswith("citewell"):
            yield from errors(child)


def test_every_expected_failure_has_a_code_of_its_own_in_the_list() -> None:
    kinds = list(errors())
    assert len(kinds) >= 17
    codes = [kind.code for kind in kinds]
    assert set(codes) <= set(Code)
    own = [kind.code for kind in kinds if "code" in vars(kind)]
    assert len(own) == len(set(own))


def test_every_code_has_one_status_and_is_in_the_reference() -> None:
    assert set(MEANINGS) == set(Code)
    page = REFERENCE.read_text("utf-8")
    for code, said in MEANINGS.items():
        assert HTTPStatus(said.status) >= 400
        assert f"| `{code}` | {said.status} | {said.text} |" in page


def test_a_failure_is_answered_with_the_status_of_its_code() -> None:
    assert status_of(AppError("x")) == 500
    assert status_of(DocumentError("pdf", "x")) == 422


async def test_every_route_declares_every_status_that_its_failures_can_have(api: FastAPI) -> None:
    document = api.state.openapi
    declared = {
        one["operationId"]: one for path in document["paths"].values() for one in path.values()
    }
    everywhere = {"400", "421", "422", "500", "503"}
    guarded = everywhere | {"401", "403", "404", "409", "413", "415", "429", "502", "504"}
    names = set()
    for route in guarded_routes():
        if not route.include_in_schema:
            continue
        names.add(route.name)
        replies = declared[route.name]["responses"]
        assert (everywhere if policy_of(route.endpoint).public else guarded) <= set(replies)
        for status, reply in replies.items():
            if status >= "400":
                assert reply == {"$ref": f"#/components/responses/Problem{status}"}, route.name
    assert names == set(declared)
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(Code)


def test_only_the_page_its_files_and_the_contract_are_outside_of_the_contract() -> None:
    hidden = {route.path for route in guarded_routes() if not route.include_in_schema}
    assert hidden == {"/", "/ui/{name:path}", "/openapi.json"}
