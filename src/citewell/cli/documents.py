"""`citewell docs`: add, look at and remove documents."""

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from citewell.cli.adding import COLUMNS, UNFINISHED, Adding, found_files, row_of
from citewell.cli.client import connect
from citewell.cli.options import with_options
from citewell.cli.output import Exit, Form, fail, say, show, show_one
from citewell.domain.documents import DocumentStatus, OnDuplicate

app = typer.Typer(help="Add, look at and remove documents.", no_args_is_help=True)

WATCH_SECONDS = 1.0

Collection = Annotated[str, typer.Option("--collection", "-c", help="Name or id.")]
Document = Annotated[str, typer.Argument(help="Id, file name or title.")]
Documents = Annotated[list[str], typer.Argument(help="Ids, file names or titles.")]


@app.command()
@with_options("server", "output")
def add(
    context: typer.Context,
    paths: Annotated[
        list[str],
        typer.Argument(help="Files, folders, http(s) addresses, or - for standard input."),
    ],
    collection: Collection = "default",
    recursive: Annotated[
        bool, typer.Option("--recursive/--flat", "-r", help="Also what is in subfolders.")
    ] = True,
    wait: Annotated[bool, typer.Option(help="Wait until they can be searched.")] = True,
    on_duplicate: Annotated[
        OnDuplicate, typer.Option(help="For content (skip, fail) or a name that is there.")
    ] = OnDuplicate.SKIP,
    title: Annotated[str | None, typer.Option(help="Title, for a single file.")] = None,
) -> None:
    """Add files, whole folders or pages of the web, and wait until they can be searched."""
    as_json = context.obj.as_json
    files = found_files(paths, recursive=recursive)
    if not files:
        hint = "Name a file, a folder, or - for standard input."
        fail("There is no file to add.", hint, code=Exit.USAGE, as_json=as_json)
    if title and len(files) > 1:
        hint = "Add the files one by one, or leave --title out."
        fail(f"One title for {len(files)} files?", hint, code=Exit.USAGE, as_json=as_json)
    with connect(context.obj) as client:
        adding = Adding(client, client.collection(collection)["id"], on_duplicate, title)
        summary = adding.run(files, wait=wait)
    known = [row for row in summary.rows if row["id"]]
    show(known if context.obj.form is Form.IDS else summary.rows, COLUMNS, context.obj.form)
    say(summary.told())
    if summary.failed:
        raise typer.Exit(int(Exit.PARTLY))


@app.command("list")
@with_options("server", "output")
def list_(
    context: typer.Context,
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", help="Only of this one; name or id.")
    ] = None,
    status: Annotated[
        DocumentStatus | None, typer.Option(help="Only documents in this status.")
    ] = None,
    search: Annotated[
        str | None, typer.Option("--search", "-q", help="Part of a title or file name.")
    ] = None,
) -> None:
    """List documents, newest first."""
    with connect(context.obj) as client:
        named = client.collection(collection)["id"] if collection else None
        listed = client.pages("/api/v1/documents", collection=named, status=status, q=search)
        rows = list(listed)
    flat = context.obj.form in {Form.TABLE, Form.CSV}
    show([row_of(one) if flat else one for one in rows], COLUMNS, context.obj.form)


@app.command("show")
@with_options("server", "output")
def show_(context: typer.Context, document: Document) -> None:
    """Show one document."""
    with connect(context.obj) as client:
        found = client.get(f"/api/v1/documents/{client.document(document)}")
    show_one(found, context.obj.form)


@app.command()
@with_options("server", "output")
def status(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", help="Until nothing is unfinished.")] = False,
) -> None:
    """Show how many documents are in each status."""
    with connect(context.obj) as client:
        while True:
            counts = Counter(one["status"] for one in client.pages("/api/v1/documents"))
            show_one(counts, context.obj.form)
            if not watch or not UNFINISHED & counts.keys():
                return
            time.sleep(WATCH_SECONDS)


@app.command()
@with_options("server", "output")
def rm(context: typer.Context, documents: Documents) -> None:
    """Remove documents: out of every search at once, with a receipt for each."""
    with connect(context.obj) as client:
        found = [client.document(one) for one in documents]
        receipts = [client.send("DELETE", f"/api/v1/documents/{one}").json() for one in found]
    form = context.obj.form
    columns = ("document_id", "versions", "chunks", "embeddings", "blobs", "deleted_at")
    flat = form in {Form.TABLE, Form.CSV}
    show([{**one, **one["removed"]} if flat else one for one in receipts], columns, form)


@app.command()
@with_options("server", "output")
def reprocess(context: typer.Context, documents: Documents) -> None:
    """Read originals again; the present versions serve until then."""
    with connect(context.obj) as client:
        found = [client.document(one) for one in documents]
        rows = [client.post(f"/api/v1/documents/{one}/reprocess")["document"] for one in found]
    show([row_of(one) for one in rows], COLUMNS, context.obj.form)


@app.command()
@with_options("server")
def get(
    context: typer.Context,
    document: Document,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where to write.")] = None,
) -> None:
    """Write a document's original bytes to a file or to standard output."""
    with connect(context.obj) as client:
        wanted = client.document(document)
        reply = client.send("GET", f"/api/v1/documents/{wanted}/original")
    if output is None:
        sys.stdout.buffer.write(reply.content)
        return
    output.write_bytes(reply.content)
    say(f"Wrote {len(reply.content):,} bytes to {output}.")
