"""`citewell`: what an operator types. Commands import what they need when they run."""

import sys
from typing import Annotated

import typer

from citewell.cli import (
    asking,
    collections,
    database,
    documents,
    indexes,
    jobs,
    operating,
)
from citewell.cli.client import Target
from citewell.cli.output import Exit, fail
from citewell.domain.errors import AppError

app = typer.Typer(
    name="citewell",
    help="Ask questions of your own documents; every sentence is footnoted to the exact passage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help needs a third of the time
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(documents.app, name="docs")
app.add_typer(collections.app, name="collections")
app.add_typer(jobs.app, name="jobs")
app.add_typer(indexes.app, name="index")
app.add_typer(database.app, name="db")
app.command()(operating.serve)
app.command()(operating.worker)
app.command()(asking.search)
app.command()(asking.ask)
app.command()(operating.doctor)
app.command()(operating.version)


@app.callback()
def options(
    context: typer.Context,
    server: Annotated[
        str | None, typer.Option(help="Address of a running server.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Options of every command."""
    context.obj = Target(server, as_json)


def main() -> None:
    """Entry point: expected failures become one sentence and an exit code, never a traceback."""
    try:
        app()
    except AppError as error:
        _end(error.message, error.hint, Exit.FAILURE)
    except KeyboardInterrupt:
        sys.exit(int(Exit.INTERRUPTED))


def _end(message: str, hint: str, code: Exit) -> None:
    try:
        fail(message, hint, code=code)
    except typer.Exit as end:
        sys.exit(end.exit_code)


if __name__ == "__main__":
    main()
