"""`citewell sessions`: where you are signed in."""

from typing import Annotated
from uuid import UUID

import typer

from citewell.cli.client import connect
from citewell.cli.options import with_options
from citewell.cli.output import say, show

app = typer.Typer(help="Where you are signed in.", no_args_is_help=True)

SESSIONS = "/api/v1/me/sessions"
COLUMNS = ("id", "kind", "opened_at", "last_used_at", "expires_at")


@app.command("list")
@with_options("server", "output")
def list_(context: typer.Context) -> None:
    """List your sessions that are open in this tenant."""
    with connect(context.obj) as client:
        show(list(client.pages(SESSIONS)), COLUMNS, context.obj.form)


@app.command()
@with_options("server")
def end(
    context: typer.Context,
    session: Annotated[UUID, typer.Argument(help="Its id, as `list` tells it.")],
) -> None:
    """End one of them; it is refused everywhere within five seconds."""
    with connect(context.obj) as client:
        client.send("DELETE", f"{SESSIONS}/{session}")
    say(f"The session {session} has ended.")
