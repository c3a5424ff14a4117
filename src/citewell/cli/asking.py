"""`citewell search` and `citewell ask`."""

from typing import Annotated, Any

import typer

from citewell.cli.client import connect
from citewell.cli.output import Exit, fail, plain, say, show_one

Collections = Annotated[
    list[str] | None, typer.Option("--collection", "-c", help="Name or id; may be repeated.")
]


def search(
    context: typer.Context,
    query: str,
    limit: Annotated[int, typer.Option("-n", help="How many passages.")] = 8,
    mode: Annotated[str, typer.Option(help="hybrid, dense or lexical.")] = "hybrid",
    collections: Collections = None,
    rerank: Annotated[bool, typer.Option(help="Compare word by word: better, slower.")] = False,
    explain: Annotated[bool, typer.Option(help="Show scores, and what was left out.")] = False,
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
    if context.obj.as_json:
        show_one(found, as_json=True)
        return
    for number, passage in enumerate(found["passages"], start=1):
        print(f"[{number}] {place(passage)}  {passage['scores']['final']:.3f}")
        print(plain(passage["text"]).strip() + "\n")
        if explain:
            say("    " + "  ".join(f"{k} {v:.3f}" for k, v in passage["scores"].items()))
    if explain:
        for one in found["dropped"]:
            say(f"left out {one['passage_id']}: {one['reason']}")
    if not found["passages"]:
        say("Nothing was found.")


def ask(
    context: typer.Context,
    question: str,
    collections: Collections = None,
    steps: Annotated[bool, typer.Option(help="Show what is being done.")] = False,
    stream: Annotated[bool, typer.Option(help="Write the answer as it comes.")] = True,
) -> None:
    """Ask a question; every sentence of the answer is footnoted."""
    with connect(context.obj) as client:
        body = {"input": question, "collections": collections or []}
        if context.obj.as_json or not stream:
            answer = client.post("/query", body)
        else:
            from citewell.cli.following import followed

            answer = followed(client, body, steps=steps)
    if context.obj.as_json:
        show_one(answer, as_json=True)
    else:
        if not stream:
            print(plain(answer["response"]))
        _footnotes(answer)
    if answer.get("error"):
        fail(answer["error"], code=Exit.FAILURE)


def place(passage: dict[str, Any]) -> str:
    """Where a passage stands, for people."""
    page = passage.get("page")
    where = f", page {page}" if page else ""
    return plain(f"{passage['title'] or passage['filename']} ({passage['filename']}{where})")


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
            print(f"  {place(source)}: {plain(source['preview'])}")
