"""`citewell conversations`."""

from typing import Annotated, Any

import typer

from citewell.cli.client import connect, segment
from citewell.cli.options import with_options
from citewell.cli.output import Form, plain, say, show
from citewell.cli.prompts import confirm

app = typer.Typer(help="What you have asked, and what was answered.", no_args_is_help=True)

PATH = "/api/v1/conversations"
COLUMNS = ("id", "title", "turns", "last_at")
SAID = ("run_id", "role", "text", "created_at")

Conversation = Annotated[str, typer.Argument(help="Id.")]


@app.command("list")
@with_options("server", "output")
def list_(context: typer.Context) -> None:
    """List your conversations, newest first."""
    with connect(context.obj) as client:
        show(list(client.pages(PATH)), COLUMNS, context.obj.form)


@app.command("show")
@with_options("server", "output")
def show_(context: typer.Context, conversation: Conversation) -> None:
    """Show what was said in one."""
    with connect(context.obj) as client:
        said = list(client.pages(f"{PATH}/{segment(conversation)}/messages"))
    if context.obj.form is Form.TABLE:
        for message in said:
            print(_told(message))
        return
    show(said, SAID, context.obj.form)


@app.command()
@with_options("server")
def rename(
    context: typer.Context,
    conversation: Conversation,
    title: Annotated[str, typer.Argument(help="On one line.")],
) -> None:
    """Give one another title."""
    with connect(context.obj) as client:
        client.send_json("PATCH", f"{PATH}/{segment(conversation)}", {"title": title})


@app.command()
@with_options("server")
def rm(
    context: typer.Context,
    conversation: Conversation,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete one with everything that was said in it."""
    confirm(f"delete {conversation} for good", context.obj, yes=yes)
    with connect(context.obj) as client:
        client.send("DELETE", f"{PATH}/{segment(conversation)}")
    say("Deleted.")


def _told(message: dict[str, Any]) -> str:
    mark = "> " if message["role"] == "user" else ""
    return f"{mark}{plain(message['text'])}\n"
