"""`citewell keys`."""

from typing import Annotated, Any

import typer

from citewell.cli.client import Client, Named, connect
from citewell.cli.options import with_options
from citewell.cli.output import Form, say, show, show_one
from citewell.cli.prompts import confirm
from citewell.domain.principal import Scope

app = typer.Typer(help="API keys.", no_args_is_help=True)

KEYS = "/api/v1/api-keys"
NAMED = Named("API key", KEYS, ("name",), "citewell keys list")
COLUMNS = ("id", "name", "user_id", "scopes", "expires_at", "last_used_at", "replaced_by")

Key = Annotated[str, typer.Argument(help="Name or id.")]


@app.command("list")
@with_options("server", "output")
def list_(context: typer.Context) -> None:
    """List keys: yours, or everybody's when you administer the tenant."""
    with connect(context.obj) as client:
        show(list(client.pages(KEYS)), COLUMNS, context.obj.form)


@app.command()
@with_options("server", "output")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[Scope], typer.Option(help="What it opens; give it once for each.")],
    days: Annotated[int | None, typer.Option(help="Its life; without end when absent.")] = None,
    user: Annotated[
        str | None, typer.Option(help="Whose: name, email address or id; yours when absent.")
    ] = None,
) -> None:
    """Make a key. Its secret is the result, this once; it is stored nowhere."""
    with connect(context.obj) as client:
        person = None if user is None else client.person(user)
        body = {"name": name, "scopes": scope, "expires_in_days": days, "user": person}
        _tell(client.post(KEYS, body), context.obj.form)


@app.command()
@with_options("server", "output")
def rotate(
    context: typer.Context,
    key: Key,
    overlap_hours: Annotated[int, typer.Option(help="How long the old one works on.")] = 24,
) -> None:
    """Make a key in place of another one, with the same name and scopes, told as with `add`."""
    with connect(context.obj) as client:
        path = f"{KEYS}/{_living(client, key)}/rotate"
        _tell(client.post(path, {"overlap_hours": overlap_hours}), context.obj.form)


@app.command()
@with_options("server")
def revoke(
    context: typer.Context,
    key: Key,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """End a key; it is refused everywhere within five seconds."""
    with connect(context.obj) as client:
        found = client.find(NAMED, key)
        confirm(f"revoke the key {key}", context.obj, yes=yes)
        client.send("DELETE", f"{KEYS}/{found}")
    say(f"The key {key} is revoked.")


def _living(client: Client, name: str) -> str:
    """A key that was replaced has its successor's name."""
    return client.find(NAMED, name, lambda one: one["replaced_by"] is None)


def _tell(made: dict[str, Any], form: Form) -> None:
    if form is not Form.TABLE:
        show_one(made, form)
        return
    ends = f"until {made['expires_at']}" if made["expires_at"] else "without end"
    say(f"Key {made['name']} ({made['id']}) for {', '.join(made['scopes'])}, {ends}.")
    say("This is its secret; nobody can show it again.")
    print(made["key"], flush=True)
