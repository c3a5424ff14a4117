"""`citewell audit`: what was done, and whether the record of it is whole."""

from itertools import islice
from typing import Annotated, Any

import typer

from citewell.cli.client import connect
from citewell.cli.installation.opened import Opened, in_database
from citewell.cli.options import with_options
from citewell.cli.output import Exit, say, show

app = typer.Typer(help="The record of what was done.", no_args_is_help=True)

COLUMNS = ("number", "at", "actor", "action", "target", "details")


@app.command("list")
@with_options("server", "output")
def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="At most so many.")] = 50,
) -> None:
    """List what was done in your tenant, the newest first."""
    with connect(context.obj) as client:
        show(list(islice(client.pages("/api/v1/audit"), limit)), COLUMNS, context.obj.form)


@app.command()
@with_options("output")
def verify(context: typer.Context) -> None:
    """Check every tenant's record against its chain of hashes, in the installation's database."""
    rows = in_database(_verified)
    show(rows, ("tenant", "records", "hash", "broken", "ok"), context.obj.form)
    for row in rows:
        if not row["ok"]:
            where = f"record {row['broken']} is missing, was changed or is out of its place"
            say(f"{row['tenant']}: {where}.")
    if not all(row["ok"] for row in rows):
        raise typer.Exit(int(Exit.CHECK_FAILED))


async def _verified(opened: Opened) -> list[dict[str, Any]]:
    from citewell.accounts.administration.trail import verify as verify_all

    return [
        {
            "id": str(tenant.id),
            "tenant": tenant.name,
            "records": chain.records,
            "hash": chain.hash.hex(),
            "broken": chain.broken,
            "ok": chain.broken is None,
        }
        for tenant, chain in await verify_all(opened.database)
    ]
