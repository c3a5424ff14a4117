"""`citewell usage`: what a tenant stores and spends, and how much it may."""

from typing import Annotated, Any
from uuid import UUID

import typer

from citewell.cli.client import connect
from citewell.cli.installation.opened import Opened, in_database
from citewell.cli.options import with_options
from citewell.cli.output import show
from citewell.domain.allowances import Account, Period, Quota, Resource
from citewell.domain.ids import DEFAULT_TENANT, TenantId

app = typer.Typer(help="What is stored and spent, and the limits.", no_args_is_help=True)

COLUMNS = ("resource", "used", "limit", "left")
SPENDING = ("of", "calls", "tokens_in", "tokens_out", "money", "milliseconds")
BUDGETS = ("period", "tokens", "tokens_spent", "money", "money_spent")

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
    show(rows, BUDGETS, context.obj.form)


@app.command()
@with_options("server", "output")
def models(
    context: typer.Context,
    by: Annotated[Account, typer.Option(help="What is added up.")] = Account.USER,
    days: Annotated[int, typer.Option(min=1, max=3660, help="As far back.")] = 30,
) -> None:
    """Show what models have cost your tenant, and on whose account."""
    with connect(context.obj) as client:
        rows = client.get("/api/v1/usage/models", by=by.value, days=days)["items"]
    show(rows, SPENDING, context.obj.form)


@app.command()
@with_options("server", "output")
def budget(
    context: typer.Context,
    period: Annotated[Period, typer.Argument(help="Of UTC.")],
    tokens: Annotated[int | None, typer.Option(help="As many at most; no limit if absent.")] = None,
    money: Annotated[float | None, typer.Option(help="As much at most; as tokens.")] = None,
) -> None:
    """Set what models may cost your tenant in a day or a month."""
    with connect(context.obj) as client:
        body = {period.value: {"tokens": tokens, "money": money}}
        rows = client.send_json("PUT", "/api/v1/budgets", body).json()["items"]
    show(rows, BUDGETS, context.obj.form)


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

    async def set_(opened: Opened) -> tuple[Quota, ...]:
        async with opened.database.transaction(TenantId(tenant)) as tx:
            async with tx.installation() as whole:
                await whole.tenants.get(TenantId(tenant))
                await whole.quotas.set(TenantId(tenant), limits)
            told = {one.value: most for one, most in limits.items()}
            await tx.audit.record(None, "quota.set", str(tenant), details=told)
            return await tx.quotas.all()

    show(_rows(in_database(set_)), COLUMNS, context.obj.form)


@app.command()
@with_options("output")
def recount(context: typer.Context, tenant: Tenant = DEFAULT_TENANT) -> None:
    """Count again what a tenant stores, and say where the counter was wrong."""

    async def count(opened: Opened) -> tuple[tuple[Quota, ...], tuple[Quota, ...]]:
        async with opened.database.transaction(TenantId(tenant)) as tx:
            before, after = await tx.quotas.recount()
            told = {one.resource.value: one.used for one in after}
            await tx.audit.record(None, "quota.recount", str(tenant), details=told)
            return before, after

    before, after = in_database(count)
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
