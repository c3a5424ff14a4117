"""`citewell db`: the schema of the database."""

import typer

from citewell.cli.output import Exit, say, show_one

app = typer.Typer(help="The database's schema.", no_args_is_help=True)


@app.command()
def upgrade() -> None:
    """Bring the schema to this release's version."""
    from citewell.bootstrap import database_url, prepare_home
    from citewell.config import read_settings
    from citewell.storage import migrate

    settings = read_settings()
    url, _ = database_url(settings, prepare_home(settings.home))
    say(f"The schema is at version {migrate.upgrade(url)}.")


@app.command()
def check(context: typer.Context) -> None:
    """Say whether the schema is this release's."""
    from citewell.bootstrap import database_url, prepare_home
    from citewell.config import read_settings
    from citewell.storage import migrate

    settings = read_settings()
    url, _ = database_url(settings, prepare_home(settings.home))
    current, head = migrate.versions(url)
    show_one({"current": current, "needed": head}, as_json=context.obj.as_json)
    if current != head:
        say("Run `citewell db upgrade`.")
        raise typer.Exit(int(Exit.CHECK_FAILED))
