"""`citewell collections`."""

from typing import Annotated, Any

import typer

from citewell.cli.accounts.users import RoleName
from citewell.cli.client import Client, connect
from citewell.cli.options import with_options
from citewell.cli.output import Exit, fail, say, show, show_one
from citewell.cli.prompts import confirm

app = typer.Typer(help="Named sets of documents.", no_args_is_help=True)

COLUMNS = ("id", "name", "documents", "chunks", "visibility", "description")
SHARES = ("id", "with", "access", "created_at")

Name = Annotated[str, typer.Argument(help="Name or id.")]
User = Annotated[str | None, typer.Option(help="A member: name, email address or id.")]
Role = Annotated[RoleName | None, typer.Option(help="Everybody with this role or a higher one.")]


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
        confirm(f"remove {what}", context.obj, yes=yes)
        receipt = client.send("DELETE", f"/api/v1/collections/{found['id']}").json()
    show_one(receipt, context.obj.form)


@app.command()
@with_options("server", "output")
def restrict(context: typer.Context, name: Name) -> None:
    """Let only those see a collection whom it is shared with, and administrators."""
    _set(context, name, "restricted")


@app.command("open")
@with_options("server", "output")
def open_(context: typer.Context, name: Name) -> None:
    """Let everybody in the tenant see a collection; its shares stay, without effect."""
    _set(context, name, "tenant")


@app.command()
@with_options("server", "output")
def shares(context: typer.Context, name: Name) -> None:
    """List whom a collection is shared with."""
    with connect(context.obj) as client:
        found = client.get(f"{_path(client.collection(name))}/shares")["items"]
        names = {one["id"]: one["name"] for one in client.pages("/api/v1/users")} if found else {}
    show([{**one, "with": _grantee(one, names)} for one in found], SHARES, context.obj.form)


@app.command()
@with_options("server", "output")
def share(
    context: typer.Context,
    name: Name,
    user: User = None,
    role: Role = None,
    write: Annotated[bool, typer.Option("--write", help="Also for changing it.")] = False,
) -> None:
    """Share a collection with somebody, for reading unless said; changes a share that is there."""
    with connect(context.obj) as client:
        whom = _whom(client, user, role)
        found = client.collection(name)
        body = {**whom, "access": "write" if write else "read"}
        made = client.send_json("PUT", f"{_path(found)}/shares", body).json()
    if found["visibility"] == "tenant":
        say(f"Everybody sees {found['name']} until `citewell collections restrict` is done.")
    show_one(made, context.obj.form)


@app.command()
@with_options("server")
def unshare(context: typer.Context, name: Name, user: User = None, role: Role = None) -> None:
    """End a share."""
    with connect(context.obj) as client:
        whom = _whom(client, user, role)
        path = f"{_path(client.collection(name))}/shares"
        mine = [one for one in client.get(path)["items"] if whom.items() <= one.items()]
        if not mine:
            hint = "`citewell collections shares` lists them."
            said = f"{name} is not shared with {user or role}."
            fail(said, hint, code=Exit.NOT_FOUND, as_json=client.as_json)
        client.send("DELETE", f"{path}/{mine[0]['id']}")
    say(f"{name} is no longer shared with {user or role}.")


def _set(context: typer.Context, name: str, visibility: str) -> None:
    with connect(context.obj) as client:
        path = _path(client.collection(name))
        changed = client.send_json("PATCH", path, {"visibility": visibility})
    show_one(changed.json(), context.obj.form)


def _path(collection: dict[str, Any]) -> str:
    return f"/api/v1/collections/{collection['id']}"


def _whom(client: Client, user: str | None, role: str | None) -> dict[str, str]:
    if (user is None) == (role is None):
        hint = "Name a --user or a --role."
        fail("A share has one holder.", hint, code=Exit.USAGE, as_json=client.as_json)
    return {"role": role} if role is not None else {"user": client.person(user or "")}


def _grantee(share: dict[str, Any], names: dict[str, str]) -> str:
    if share["role"] is not None:
        return f"{share['role']} and above"
    return names.get(share["user"]) or str(share["user"])
