"""The walk finds every kind of leak, says so at the right place, and admits what it cannot walk."""

import json
from collections.abc import Collection
from typing import Any

import pytest
from fastapi import FastAPI

from citewell.cli.output import Exit, Form
from citewell.cli.tenancy.calling import line_to
from citewell.cli.tenancy.cast import Cast, Kind, Person
from citewell.cli.tenancy.command import exit_of, tell
from citewell.cli.tenancy.selftest import Verdict, examine
from tests.api.conftest import listening
from tests.unit.cli.tenancy.leaky_app import make_app, make_cast, problem

DOCUMENT, EXPORT = "GET /documents/{document_id}", "GET /exports/{export_id}/content"
LIST, SEARCH, RUN = "GET /documents", "POST /search", "GET /runs/{run_id}"

MARKED, FELT = "what belongs to somebody else", "another body or header than for a missing one"
FOUND = "200 where nothing should be found"

# Each leak with the only place where it is and what is to be said of it; several at a time.
LEAKS: list[dict[str, tuple[str, str]]] = [
    {
        "a foreign thing is found": (DOCUMENT, FOUND),
        "a list holds an id": (LIST, MARKED),
        "a filter is felt": (SEARCH, FELT),
        "a word in an export": (EXPORT, MARKED),
        "a colleague's run": (RUN, FOUND),
        "a key of a request is felt": ("PUT /decisions", "422, but 200 for a missing one"),
        "a foreign run is followed": ("WS /ws sub", FOUND),
        "leaving is felt": ("WS /ws unsub", "400, but 200 for a missing one"),
    },
    {
        "a word in an error": (DOCUMENT, MARKED),
        "a word in a cursor": (LIST, MARKED),
        "an event goes astray": ("WS /ws sub", MARKED),
    },
    {
        "another status": (DOCUMENT, "403, but 404 for a missing one"),
        "a cursor leads over": (LIST, MARKED),
    },
    {"other words": (DOCUMENT, FELT), "a foreign word is felt": (LIST, FELT)},
    {"another header": (DOCUMENT, FELT)},
    {"a word in a header": (DOCUMENT, MARKED)},
]


async def never(kind: Kind, _: Person) -> str:
    raise AssertionError(f"Nothing here uses up a {kind}.")


async def walked(app: FastAPI, cast: Cast) -> Verdict:
    async with listening(app) as address, line_to(f"http://{address}") as line:
        document: dict[str, Any] = (await line.send("GET", "/openapi.json")).json()
        return await examine(line, document, cast, never, lambda _: None)


async def verdict_on(leaks: Collection[str] = ()) -> Verdict:
    cast = make_cast()
    return await walked(make_app(cast, leaks), cast)


async def test_a_server_that_keeps_its_tenants_apart_passes() -> None:
    verdict = await verdict_on()
    assert [(one.cell.title, one.what) for one in verdict.leaks] == []
    assert [(one.title, one.obstacle) for one in verdict.not_walked] == []
    titles = {one.title for one in verdict.routes}
    assert {DOCUMENT, EXPORT, LIST, SEARCH, RUN, "PUT /decisions"} <= titles
    assert {f"WS /ws {op}" for op in ("start", "sub", "unsub", "cancel", "ping")} <= titles
    assert all(one.cells for one in verdict.routes)
    assert exit_of(verdict) is Exit.OK


@pytest.mark.parametrize("leaks", LEAKS, ids=lambda leaks: ", ".join(leaks))
async def test_every_leak_is_found_where_it_is_and_nowhere_else(
    leaks: dict[str, tuple[str, str]],
) -> None:
    found: dict[str, set[str]] = {}
    verdict = await verdict_on(leaks)
    assert exit_of(verdict) is Exit.CHECK_FAILED
    for one in verdict.leaks:
        found.setdefault(one.cell.operation.title, set()).add(one.what)
    expected = dict(leaks.values())
    assert found.keys() == expected.keys()
    for route, what in expected.items():
        assert any(what in said for said in found[route]), found[route]


async def test_what_was_found_is_told_to_people_and_to_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    verdict = await verdict_on({"another status"})
    tell(verdict, Form.JSON)
    output = capsys.readouterr()
    said = json.loads(output.out)
    assert said["cells"] == sum(one["cells"] for one in said["routes"]) > 0
    assert [one["route"] for one in said["routes"] if one["leaks"]] == [DOCUMENT]
    assert {one["what"] for one in said["leaks"]} == {"403, but 404 for a missing one"}
    assert f"LEAK {DOCUMENT}: foreign path document_id × owner of A × bearer" in output.err
    tell(verdict, Form.TABLE)
    assert DOCUMENT in capsys.readouterr().out


async def test_a_leak_with_one_carrier_only_is_found() -> None:
    found = (await verdict_on({"a foreign thing is found", "only with a cookie"})).leaks
    assert {one.cell.carrier for one in found} == {"cookie"}
    assert {one.cell.caller.name for one in found} == {
        "owner of A", "viewer of A", "narrow key of A", "owner of B",
    }  # fmt: skip


async def test_whoever_is_unknown_must_not_hear_a_word_of_anybody() -> None:
    found = (await verdict_on({"nobody hears a word"})).leaks
    assert {one.cell.caller.name for one in found} == {"nobody"}
    assert {DOCUMENT, LIST, SEARCH} <= {one.cell.operation.title for one in found}


async def test_a_route_that_cannot_be_filled_in_is_told_and_not_skipped() -> None:
    cast = make_cast()
    app = FastAPI()

    @app.get("/folders", operation_id="list_folders")
    async def list_folders(folder: str = "") -> str:
        return folder

    @app.get("/shares/{share_id}", operation_id="get_share")
    async def get_share(share_id: str) -> str:
        return share_id

    @app.get("/documents/{document_id}", operation_id="get_document")
    async def get_document(document_id: str) -> Any:
        return problem(404, f"No {document_id}")

    @app.get("/broken", operation_id="broken")
    async def broken() -> Any:
        return problem(500, "A defect.")

    for path in app.openapi()["paths"].values():
        path["get"]["security"] = [{"key": []}]
    verdict = await walked(app, cast)
    assert exit_of(verdict) is Exit.PARTLY
    told = {one.title: one.obstacle for one in verdict.not_walked}
    assert "what the query field `folder` names" in told["GET /folders"]
    assert told["GET /shares/{share_id}"] == "tenant A has no share to name"
    assert "nobody got to their own thing" in told[DOCUMENT]
    assert "answers were [500]" in told["GET /broken"]
    assert "no whole answer" in told["WS /ws ping"] or "nobody got" in told["WS /ws ping"]
