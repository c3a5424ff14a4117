"""`citewell search` and `citewell ask`."""

from typing import Annotated, Any

import typer

from citewell.cli.client import connect
from citewell.cli.options import with_options
from citewell.cli.output import Form, cell, exit_for_code, fail, plain, say, show, show_one
from citewell.domain.passages import SearchMode

# A longer question does not fit into a frame of the socket; over HTTP it is refused in words.
MOST_STREAMED = 15_000
PREVIEW_CHARACTERS = 120
COLUMNS = ("passage_id", "filename", "page", "start", "end", "score", "text")

Collections = Annotated[
    list[str] | None, typer.Option("--collection", "-c", help="Name or id; may be repeated.")
]


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


@with_options("server")
def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="A question to your documents.")],
    collections: Collections = None,
    steps: Annotated[bool, typer.Option("--steps", help="Show what is being done.")] = False,
    stream: Annotated[bool, typer.Option(help="Write the answer as it comes.")] = True,
) -> None:
    """Ask a question; every sentence of the answer is footnoted."""
    as_json = context.obj.as_json
    streams = stream and not as_json and len(question) < MOST_STREAMED
    with connect(context.obj) as client:
        body = {"input": question, "collections": collections or []}
        if streams:
            from citewell.cli.following import followed

            answer = followed(client, body, steps=steps)
        else:
            answer = client.post("/query", body)
    if as_json:
        show_one(answer, context.obj.form)
    else:
        if not streams:
            print(plain(answer["response"]))
        _footnotes(answer)
    if answer.get("error"):
        fail(answer["error"], answer["hint"], code=exit_for_code(answer["code"]))


def place(passage: dict[str, Any]) -> str:
    """Where a passage stands, for people."""
    page = passage.get("page")
    where = f", page {page}" if page else ""
    return plain(f"{passage['title'] or passage['filename']} ({passage['filename']}{where})")


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


def _footnotes(answer: dict[str, Any]) -> None:
    shown: set[tuple[Any, ...]] = set()
    if answer["citations"]:
        print()
    for citation in answer["citations"]:
        span = f"characters {citation['start']}–{citation['end']}"
        mark = "verified" if citation["verified"] else "NOT VERIFIED"
        line = (citation["n"], citation["start"], citation["end"])
        if line not in shown:
            shown.add(line)
            print(f"[{citation['n']}] {place(citation)}, {span}, {mark}")
    if not answer["answered"] and answer["related"]:
        print("\nRelated, not an answer:")
        for source in answer["related"]:
            print(f"  {place(source)}: {_preview(source['preview'])}")


def _preview(text: str) -> str:
    line = cell(text)
    return line if len(line) <= PREVIEW_CHARACTERS else line[: PREVIEW_CHARACTERS - 1] + "…"
