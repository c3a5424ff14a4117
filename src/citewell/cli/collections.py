"""`citewell collections`."""

from typing import Annotated

import typer

from citewell.cli.client import connect
from citewell.cli.output import Form, fail, say, show, show_one

app = typer.Typer(help="Named sets of documents.", no_args_is_help=True)

COLUMNS = ("id", "name", "documents", "chunks", "description")


@app.command("list")
def list_(
    context: typer.Context,
    form: Annotated[Form, typer.Option("-o", "--output")] = Form.TABLE,
) -> None:
    """List collections."""
    with connect(context.obj) as client:
        rows = list(client.pages("/api/v1/collections"))
    show(rows, COLUMNS, Form.JSON if context.obj.as_json else form)


@app.command()
def create(context: typer.Context, name: str, description: str = "") -> None:
    """Make a collection."""
    with connect(context.obj) as client:
        body = {"name": name, "description": description}
        show_one(client.post("/api/v1/collections", body), as_json=context.obj.as_json)


@app.command("show")
def show_(context: typer.Context, name: str) -> None:
    """Show one collection."""
    with connect(context.obj) as client:
        show_one(client.collection(name), as_json=context.obj.as_json)


@app.command()
def rm(
    context: typer.Context,
    name: str,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a collection with every document in it."""
    import sys

    with connect(context.obj) as client:
        found = client.collection(name)
        if not yes and not sys.stdin.isatty():
            fail(f"This would remove {found['documents']} documents.", "Say --yes to do it.")
        if not yes:
            typer.confirm(f"Remove {name!r} with {found['documents']} documents?", abort=True)
        client.send("DELETE", f"/api/v1/collections/{found['id']}")
    say(f"Removed {name!r}.")
