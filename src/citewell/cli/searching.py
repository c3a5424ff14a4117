"""`citewell search`."""

from typing import Annotated, Any

import typer

from citewell.cli.client import connect
from citewell.cli.conversing.footnotes import place
from citewell.cli.options import Collections, with_options
from citewell.cli.output import Form, plain, say, show, show_one
from citewell.domain.passages import SearchMode

COLUMNS = ("passage_id", "filename", "page", "start", "end", "score", "text")


@with_options("server", "output")
def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="What to look for, by meaning and by words.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=200, help="How many.")] = 8,
    mode: Annotated[SearchMode, typer.Option(help="How to look.")] = SearchMode.HYBRID,
    collections: Collections = None,
    rerank: Annotated[
        bool, typer.Option("--rerank", help="Compare word by word: better, slower.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show scores, times, and what was left out.")
    ] = False,
) -> None:
    """Find passages."""
    with connect(context.obj) as client:
        found = client.post(
            "/api/v1/search",
            {
                "query": query, "limit": limit, "mode": mode, "collections": collections or [],
                "rerank": rerank, "explain": explain,
            },
        )  # fmt: skip
    match context.obj.form:
        case Form.JSON:
            show_one(found, Form.JSON)
        case Form.TABLE:
            _passages(found, explain=explain)
        case form:
            rows = found["passages"]
            if form is Form.CSV:
                rows = [{**one, "score": one["scores"]["final"]} for one in rows]
            show(rows, COLUMNS, form)
    if not found["passages"]:
        say("Nothing was found.")


def _passages(found: dict[str, Any], *, explain: bool) -> None:
    for number, passage in enumerate(found["passages"], start=1):
        print(f"[{number}] {place(passage)}  {passage['scores']['final']:.3f}")
        if explain:
            print(_numbers(passage["scores"], 3))
        print(plain(passage["text"]).strip() + "\n")
    if explain:
        for one in found["dropped"]:
            print(f"left out {one['passage_id']}: {one['reason']}{_numbers(one['scores'], 3)}")
        print(f"milliseconds{_numbers(found['milliseconds'], 1)}")


def _numbers(named: dict[str, float], digits: int) -> str:
    return "    " + "  ".join(f"{name} {value:.{digits}f}" for name, value in named.items())
