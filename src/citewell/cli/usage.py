"""`citewell usage`: what a tenant stores and spends, and how much it may."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import typer

from citewell.cli.client import connect
from citewell.cli.options import with_options
from citewell.cli.output import show
from citewell.domain.allowances import Quota, Resource
from citewell.domain.ids import DEFAULT_TENANT, TenantId

app = typer.Typer(help="What is stored and spent, and the limits.", no_args_is_help=True)

COLUMNS = ("resource", "used", "limit", "left")

Tenant = Annotated[UUID, typer.Option(help="The tenant's id; the first one unless given.")]


@app.command("show")
@with_options("server", "output")
def show_(context: typer.Context) -> None:
    """Show what your tenant stores, with its quotas."""
    with connect(context.obj) as client:
        show(client.get("/api/v1/usage")["quotas"], COLUMNS, context.obj.form)


@app.command()
@with_options("server", "output")
def budgets(context: typer.Context) -> None:
    """Show what models cost your tenant, with its budgets."""
    with connect(context.obj) as client:
        rows = client.get("/api/v1/budgets")["items"]
    columns = ("period", "tokens", "tokens_spent", "money", "money_spent")
    show(rows, columns, context.obj.form)


@app.command()
@with_options("output")
def limit(
    context: typer.Context,
    resource: Annotated[Resource, typer.Argument(help="What to limit.")],
    most: Annotated[str, typer.Argument(help="A number, or `none` for no limit.")],
    tenant: Tenant = DEFAULT_TENANT,
) -> None:
    """Set a tenant's quota, in the database of this installation."""
    if most != "none" and not most.isdecimal():
        raise typer.BadParameter("Give a whole number, or `none`.", param_hint="MOST")
    limits = {resource: None if most == "none" else int(most)}

    async def set_(database: Any) -> Any:
        async with database.installation() as whole:
            await whole.quotas.set(TenantId(tenant), limits)
        async with database.transaction(TenantId(tenant)) as tx:
            return await tx.quotas.all()

    show(_rows(_in_database(set_)), COLUMNS, context.obj.form)


@app.command()
@with_options("output")
def recount(context: typer.Context, tenant: Tenant = DEFAULT_TENANT) -> None:
    """Count again what a tenant stores, and say where the counter was wrong."""

    async def count(database: Any) -> Any:
        async with database.transaction(TenantId(tenant)) as tx:
            return await tx.quotas.recount()

    before, after = _in_database(count)
    rows = [
        {**row, "counted_before": was.used} for row, was in zip(_rows(after), before, strict=True)
    ]
    show(rows, ("resource", "used", "counted_before"), context.obj.form)


def _rows(quotas: tuple[Quota, ...]) -> list[dict[str, Any]]:
    return [
        {
            "id": one.resource.value,
            "resource": one.resource.value,
            "used": one.used,
            "limit": one.limit,
            "left": one.left,
        }
        for one in quotas
    ]


def _in_database(work: Callable[[Any], Awaitable[Any]]) -> Any:
    from citewell.bootstrap import database_url, prepare_home
    from citewell.config import read_settings
    from citewell.storage.database import Database

    settings = read_settings()
    url, _ = database_url(settings, prepare_home(settings.home))

    async def run() -> Any:
        database = Database.connect(url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())
