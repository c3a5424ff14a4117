"""`citewell users`."""

from typing import Annotated, Literal

import typer

from citewell.cli.client import connect
from citewell.cli.options import with_options
from citewell.cli.output import say, show, show_one
from citewell.cli.prompts import confirm, new_password

app = typer.Typer(help="The people of your tenant.", no_args_is_help=True)

USERS = "/api/v1/users"
COLUMNS = ("id", "name", "email", "role", "guest", "suspended_at")

RoleName = Literal["viewer", "editor", "admin", "owner"]
Role = Annotated[RoleName, typer.Option(help="What they may do; each includes those before it.")]
Who = Annotated[str, typer.Argument(help="Name, email address or id.")]


@app.command("list")
@with_options("server", "output")
def list_(context: typer.Context) -> None:
    """List people, in the order in which their accounts were made."""
    with connect(context.obj) as client:
        show(list(client.pages(USERS)), COLUMNS, context.obj.form)


@app.command()
@with_options("server", "output")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A name that is free.")],
    email: Annotated[
        str | None, typer.Option(help="What they sign in with; without one they come with keys.")
    ] = None,
    role: Role = "viewer",
) -> None:
    """Add somebody; `citewell users password` lets them sign in."""
    with connect(context.obj) as client:
        body = {"name": name, "email": email, "role": role}
        show_one(client.post(USERS, body), context.obj.form)


@app.command("show")
@with_options("server", "output")
def show_(
    context: typer.Context,
    who: Annotated[
        str | None, typer.Argument(help="Name, email address or id; you when absent.")
    ] = None,
) -> None:
    """Show somebody, or who you are and where."""
    with connect(context.obj) as client:
        path = "/api/v1/me" if who is None else f"{USERS}/{client.person(who)}"
        show_one(client.get(path), context.obj.form)


@app.command()
@with_options("server", "output")
def change(context: typer.Context, who: Who, role: Role) -> None:
    """Give somebody another role."""
    _change(context, who, {"role": role})


@app.command()
@with_options("server", "output")
def suspend(context: typer.Context, who: Who) -> None:
    """Shut somebody out within five seconds, keys included; nothing of theirs is lost."""
    _change(context, who, {"suspended": True})


@app.command()
@with_options("server", "output")
def resume(context: typer.Context, who: Who) -> None:
    """Let somebody in again; sessions from before stay closed, keys work again."""
    _change(context, who, {"suspended": False})


@app.command()
@with_options("server")
def password(context: typer.Context, who: Who) -> None:
    """Set somebody's password, asked for or read from the input; ends all of their sessions."""
    with connect(context.obj) as client:
        path = f"{USERS}/{client.person(who)}/password"
        client.send_json("PUT", path, {"password": new_password(who, context.obj)})
    say(f"{who} has a new password; their sessions have ended.")


@app.command("sign-out")
@with_options("server")
def sign_out(
    context: typer.Context,
    who: Who,
    keys: Annotated[bool, typer.Option("--keys", help="End their API keys as well.")] = False,
) -> None:
    """End all of somebody's sessions within five seconds, open sockets included."""
    with connect(context.obj) as client:
        path = f"{USERS}/{client.person(who)}/sessions"
        client.send("DELETE", path, params={"keys": keys})
    say(f"The sessions of {who} have ended{', and their keys' if keys else ''}.")


@app.command("sign-on")
@with_options("server", "output")
def sign_on(
    context: typer.Context,
    who: Who,
    way: Annotated[
        Literal["open", "shut"] | None,
        typer.Argument(help="What to do; shutting ends their sessions. Only shown when absent."),
    ] = None,
) -> None:
    """Let somebody come through the provider of sign-ins, or no longer."""
    with connect(context.obj) as client:
        path = f"{USERS}/{client.person(who)}/single-sign-on"
        if way is not None:
            client.send("PUT" if way == "open" else "DELETE", path)
        show_one(client.get(path), context.obj.form)


@app.command()
@with_options("server", "output")
def remove(
    context: typer.Context,
    who: Who,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Shut somebody out for good; what is stored about them is erased, with this receipt."""
    with connect(context.obj) as client:
        person = client.person(who)
        confirm(f"remove {who} and erase what is stored about them", context.obj, yes=yes)
        show_one(client.send("DELETE", f"{USERS}/{person}").json(), context.obj.form)


def _change(context: typer.Context, who: str, body: dict[str, object]) -> None:
    with connect(context.obj) as client:
        changed = client.send_json("PATCH", f"{USERS}/{client.person(who)}", body)
    show_one(changed.json(), context.obj.form)
