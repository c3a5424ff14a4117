"""`citewell index`: the projections of the database."""

import typer

from citewell.cli.output import Exit, Form, say, show

app = typer.Typer(help="The search index, which can always be made again.", no_args_is_help=True)

COLUMNS = ("collection", "position", "chunks", "missing", "extra", "damage", "ok")


@app.command()
def verify(context: typer.Context) -> None:
    """Compare every index on disk with the database."""
    from citewell.cli.inspecting import inspected

    rows = inspected(rebuild=False)
    show(rows, COLUMNS, Form.JSON if context.obj.as_json else Form.TABLE)
    if not all(row["ok"] for row in rows):
        say("Some indexes differ; `citewell index rebuild` makes them again.")
        raise typer.Exit(int(Exit.CHECK_FAILED))


@app.command()
def rebuild(context: typer.Context) -> None:
    """Make every index again from the database."""
    from citewell.cli.inspecting import inspected

    rows = inspected(rebuild=True)
    show(rows, COLUMNS, Form.JSON if context.obj.as_json else Form.TABLE)
