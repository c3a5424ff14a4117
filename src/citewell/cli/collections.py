"""`citewell collections`."""

import sys
from typing import Annotated

import typer

from citewell.cli.client import connect
from citewell.cli.options import with_options
from citewell.cli.output import Exit, fail, show, show_one

app = typer.Typer(help="Named sets of documents.", no_args_is_help=True)

COLUMNS = ("id", "name", "documents", "chunks", "description")

Name = Annotated[str, typer.Argument(help="Name or id.")]


@app.command("list")
@with_options("server", "output")
def list_(context: typer.Context) -> None:
    """List collections."""
    with connect(context.obj) as client:
        show(list(client.pages("/api/v1/collections")), COLUMNS, context.obj.form)


@app.command()
@with_options("server", "output")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A name that is free.")],
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
) -> None:
    """Make a collection."""
    with connect(context.obj) as client:
        body = {"name": name, "description": description}
        show_one(client.post("/api/v1/collections", body), context.obj.form)


@app.command("show")
@with_options("server", "output")
def show_(context: typer.Context, name: Name) -> None:
    """Show one collection."""
    with connect(context.obj) as client:
        show_one(client.collection(name), context.obj.form)


@app.command()
@with_options("server", "output")
def rm(
    context: typer.Context,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a collection with every document in it, with a receipt."""
    with connect(context.obj) as client:
        found = client.collection(name)
        what = f"{found['name']!r} and the documents in it ({found['documents']})"
        if not yes and not sys.stdin.isatty():
            as_json = context.obj.as_json
            hint = "Say --yes to do it."
            fail(f"This would remove {what}.", hint, code=Exit.USAGE, as_json=as_json)
        if not yes:
            typer.confirm(f"Remove {what}?", abort=True)
        receipt = client.send("DELETE", f"/api/v1/collections/{found['id']}").json()
    show_one(receipt, context.obj.form)
