"""`citewell docs`: add, look at and remove documents."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from citewell.cli.client import connect
from citewell.cli.documents_table import COLUMNS, UNFINISHED, row_of
from citewell.cli.output import Exit, Form, fail, say, show, show_one
from citewell.domain.documents import OnDuplicate

app = typer.Typer(help="Add, look at and remove documents.", no_args_is_help=True)

Collection = Annotated[str, typer.Option("--collection", "-c", help="Name or id.")]


@app.command()
def add(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(help="Files, folders, or - for standard input.")],
    collection: Collection = "default",
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Also subfolders.")] = True,
    wait: Annotated[bool, typer.Option(help="Wait until they can be searched.")] = True,
    on_duplicate: Annotated[
        OnDuplicate, typer.Option(help="For content (skip, fail) or a name that is there.")
    ] = OnDuplicate.SKIP,
    title: Annotated[str | None, typer.Option(help="Title, for a single file.")] = None,
) -> None:
    """Add files or whole folders, and wait until they can be searched."""
    from citewell.cli.adding import Adding, found_files

    files = found_files(paths, recursive=recursive)
    if not files:
        fail("There is no file to add.", "Name a file, a folder, or - for standard input.")
    with connect(context.obj) as client:
        adding = Adding(client, client.collection(collection)["id"], on_duplicate, title)
        summary = adding.run(files, wait=wait)
    show([*summary.rows], COLUMNS, Form.JSON if context.obj.as_json else Form.TABLE)
    say(summary.sentence())
    if summary.failed:
        raise typer.Exit(int(Exit.PARTLY))


@app.command("list")
def list_(
    context: typer.Context,
    collection: Annotated[str | None, typer.Option("--collection", "-c")] = None,
    status: Annotated[str | None, typer.Option(help="Only documents in this status.")] = None,
    search: Annotated[str | None, typer.Option("-q", help="Part of a title or file name.")] = None,
    form: Annotated[Form, typer.Option("-o", "--output")] = Form.TABLE,
) -> None:
    """List documents, newest first."""
    with connect(context.obj) as client:
        named = client.collection(collection)["id"] if collection else None
        listed = client.pages("/api/v1/documents", collection=named, status=status, q=search)
        rows = list(listed)
    chosen = Form.JSON if context.obj.as_json else form
    show([row_of(one) if chosen is Form.TABLE else one for one in rows], COLUMNS, chosen)


@app.command("show")
def show_(context: typer.Context, document: str) -> None:
    """Show one document."""
    with connect(context.obj) as client:
        show_one(client.get(f"/api/v1/documents/{document}"), as_json=context.obj.as_json)


@app.command()
def status(
    context: typer.Context,
    watch: Annotated[bool, typer.Option(help="Until nothing is unfinished.")] = False,
) -> None:
    """Show how many documents are in each status."""
    import time

    with connect(context.obj) as client:
        while True:
            counts = Counter(one["status"] for one in client.pages("/api/v1/documents"))
            show_one(counts, as_json=context.obj.as_json)
            if not watch or not UNFINISHED & counts.keys():
                return
            time.sleep(1.0)


@app.command()
def rm(context: typer.Context, documents: list[str]) -> None:
    """Remove documents: out of every search at once, with a receipt."""
    with connect(context.obj) as client:
        for document in documents:
            receipt = client.send("DELETE", f"/api/v1/documents/{document}").json()
            show_one(receipt, as_json=context.obj.as_json)


@app.command()
def reprocess(context: typer.Context, documents: list[str]) -> None:
    """Read originals again; the present versions serve until then."""
    with connect(context.obj) as client:
        rows = [client.post(f"/api/v1/documents/{one}/reprocess")["document"] for one in documents]
    show([row_of(one) for one in rows], COLUMNS, Form.JSON if context.obj.as_json else Form.TABLE)


@app.command()
def get(
    context: typer.Context,
    document: str,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where to write.")] = None,
) -> None:
    """Write a document's original bytes to a file or to standard output."""
    import sys

    with connect(context.obj) as client:
        reply = client.send("GET", f"/api/v1/documents/{document}/original")
    if output is None:
        sys.stdout.buffer.write(reply.content)
        return
    output.write_bytes(reply.content)
    say(f"Wrote {len(reply.content):,} bytes to {output}.")
