"""`citewell index`: the projections of the database."""

from typing import Any

import typer

from citewell.cli.options import with_options
from citewell.cli.output import Exit, say, show

app = typer.Typer(help="The search index, which can always be made again.", no_args_is_help=True)

COLUMNS = ("collection", "position", "chunks", "missing", "extra", "damage", "ok")


@app.command()
@with_options("output")
def verify(context: typer.Context) -> None:
    """Compare every index on disk with the database."""
    rows = inspected(rebuild=False)
    show(rows, COLUMNS, context.obj.form)
    if not all(row["ok"] for row in rows):
        say("Some indexes differ; `citewell index rebuild` makes them again.")
        raise typer.Exit(int(Exit.CHECK_FAILED))


@app.command()
@with_options("output")
def rebuild(context: typer.Context) -> None:
    """Make every index again from the database."""
    rows = inspected(rebuild=True)
    show(rows, COLUMNS, context.obj.form)


def inspected(*, rebuild: bool) -> list[dict[str, Any]]:
    """A row per collection; with `rebuild`, after it was made again."""
    import asyncio

    from citewell.telemetry.logs import configure

    configure("warning")
    return asyncio.run(_inspect(rebuild=rebuild))


async def _inspect(*, rebuild: bool) -> list[dict[str, Any]]:
    from citewell.bootstrap import open_app
    from citewell.config import read_settings

    async with open_app(read_settings()) as app:
        async with app.database.system() as system:
            collections = await system.collections()
        rows = []
        for tenant_id, collection_id in collections:
            if rebuild:
                await app.projections.rebuild(tenant_id, collection_id)
            async with app.database.transaction(tenant_id) as tx:
                named = await tx.collections.get(collection_id)
            found = await app.projections.verify(tenant_id, collection_id)
            rows.append(
                {
                    "id": str(collection_id),
                    "collection": named.name,
                    "position": found.position,
                    "chunks": found.chunks,
                    "missing": found.missing,
                    "extra": found.extra,
                    "damage": found.damage,
                    "ok": found.ok,
                }
            )
        return rows
