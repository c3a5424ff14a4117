"""`citewell db`: the schema of the database."""

import typer

from citewell.cli.options import with_options
from citewell.cli.output import Exit, say, show_one

app = typer.Typer(help="The database's schema.", no_args_is_help=True)


@app.command()
@with_options("output")
def upgrade(context: typer.Context) -> None:
    """Bring the schema to this release's version."""
    from citewell.storage import migrate

    show_one({"current": migrate.upgrade(_url())}, context.obj.form)


@app.command()
@with_options("output")
def check(context: typer.Context) -> None:
    """Say whether the schema is this release's."""
    from citewell.storage import migrate

    current, head = migrate.versions(_url())
    show_one({"current": current, "needed": head}, context.obj.form)
    if current != head:
        say("Run `citewell db upgrade`.")
        raise typer.Exit(int(Exit.CHECK_FAILED))


def _url() -> str:
    from citewell.bootstrap import database_url
    from citewell.config import read_settings
    from citewell.storage.home import prepare_home

    settings = read_settings()
    url, _ = database_url(settings, prepare_home(settings.home))
    return url
