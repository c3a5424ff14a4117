"""`citewell memories`."""

from typing import Annotated

import typer

from citewell.cli.client import connect, segment
from citewell.cli.options import with_options
from citewell.cli.output import say, show, show_one

app = typer.Typer(help="What is kept in mind about you.", no_args_is_help=True)

PATH = "/api/v1/memories"
COLUMNS = ("id", "text", "updated_at")

Memory = Annotated[str, typer.Argument(help="Id.")]
Text = Annotated[str, typer.Argument(help="A fact, on one line.")]


@app.command("list")
@with_options("server", "output")
def list_(context: typer.Context) -> None:
    """List the facts, newest first."""
    with connect(context.obj) as client:
        show(client.get(PATH)["items"], COLUMNS, context.obj.form)


@app.command()
@with_options("server", "output")
def add(context: typer.Context, text: Text) -> None:
    """Have a fact kept in mind; agree first: `citewell privacy consents --give memory`."""
    with connect(context.obj) as client:
        show_one(client.post(PATH, {"text": text}), context.obj.form)


@app.command()
@with_options("server", "output")
def change(context: typer.Context, memory: Memory, text: Text) -> None:
    """Say a fact in other words."""
    with connect(context.obj) as client:
        changed = client.send_json("PATCH", f"{PATH}/{segment(memory)}", {"text": text})
    show_one(changed.json(), context.obj.form)


@app.command()
@with_options("server")
def rm(context: typer.Context, memory: Memory) -> None:
    """Have a fact forgotten."""
    with connect(context.obj) as client:
        client.send("DELETE", f"{PATH}/{segment(memory)}")
    say("Forgotten.")
