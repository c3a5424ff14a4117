"""`citewell tenants`, for the owners of the installation."""

from typing import Annotated, Any

import typer

from citewell.cli.accounts.users import Role
from citewell.cli.client import Client, Named, connect, problem, refuse
from citewell.cli.options import with_options
from citewell.cli.output import show, show_one
from citewell.cli.prompts import new_password

app = typer.Typer(help="Separate worlds of people and collections.", no_args_is_help=True)

TENANTS = "/api/v1/tenants"
NAMED = Named("tenant", TENANTS, ("name",), "citewell tenants list")
COLUMNS = ("id", "name", "created_at", "suspended_at")

Tenant = Annotated[str, typer.Argument(help="Name or id.")]


@app.command("list")
@with_options("server", "output")
def list_(context: typer.Context) -> None:
    """List tenants, in order of name."""
    with connect(context.obj) as client:
        show(list(client.pages(TENANTS)), COLUMNS, context.obj.form)


@app.command()
@with_options("server", "output")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A name that is free.")],
    owner: Annotated[str, typer.Option(help="The email address of its first owner.")],
    owner_name: Annotated[
        str | None, typer.Option(help="Their name when they are new; the address when absent.")
    ] = None,
) -> None:
    """Make a tenant. For an owner who has no account, a password is asked for, or read."""
    with connect(context.obj) as client:
        body: dict[str, Any] = {"name": name, "owner": {"email": owner, "name": owner_name}}
        made = client.try_json("POST", TENANTS, body)
        if made.is_error and _lacks_password(problem(made)):
            body["owner"]["password"] = new_password(owner, context.obj)
            made = client.try_json("POST", TENANTS, body)
        if made.is_error:
            refuse(made, as_json=client.as_json)
        show_one(made.json(), context.obj.form)


@app.command()
@with_options("server", "output")
def rename(
    context: typer.Context,
    tenant: Tenant,
    name: Annotated[str, typer.Argument(help="A name that is free.")],
) -> None:
    """Give a tenant another name."""
    _change(context, tenant, {"name": name})


@app.command()
@with_options("server", "output")
def suspend(context: typer.Context, tenant: Tenant) -> None:
    """Shut a tenant: nobody gets in; nothing in it is lost."""
    _change(context, tenant, {"suspended": True})


@app.command()
@with_options("server", "output")
def resume(context: typer.Context, tenant: Tenant) -> None:
    """Open a tenant again."""
    _change(context, tenant, {"suspended": False})


@app.command()
@with_options("server", "output")
def invite(
    context: typer.Context,
    tenant: Tenant,
    email: Annotated[str, typer.Argument(help="The address of somebody who has an account.")],
    role: Role = "viewer",
) -> None:
    """Make somebody who is at home elsewhere a guest of a tenant."""
    with connect(context.obj) as client:
        path = f"{TENANTS}/{_id(client, tenant)}/members"
        show_one(client.post(path, {"email": email, "role": role}), context.obj.form)


def _change(context: typer.Context, tenant: str, body: dict[str, object]) -> None:
    with connect(context.obj) as client:
        changed = client.send_json("PATCH", f"{TENANTS}/{_id(client, tenant)}", body)
    show_one(changed.json(), context.obj.form)


def _id(client: Client, tenant: str) -> str:
    return client.find(NAMED, tenant)


def _lacks_password(said: dict[str, Any]) -> bool:
    return any(one["field"] == "owner.password" for one in said.get("errors", ()))
