"""`citewell serve`, `worker`, `doctor` and `version`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from citewell import __version__
from citewell.cli.options import with_options
from citewell.cli.output import Exit, Form, say, show, show_one


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks one.")] = None,
    home: Annotated[Path | None, typer.Option(help="Data directory.")] = None,
    browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Start the server, its database and its worker."""
    from citewell.cli.running.serving import Serving, warn_unknown

    settings = _settings(host=host, port=port, home=home)
    warn_unknown()
    Serving(settings, browser=browser).run()


def worker(
    worker_id: Annotated[str | None, typer.Option("--id", hidden=True)] = None,
    die_with_parent: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Start a worker beside a server that runs elsewhere."""
    from citewell.cli.running.working import work

    say("Worker starting; stop it with Ctrl-C.") if worker_id is None else None
    work(_settings(), worker_id, die_with_parent=die_with_parent)


@with_options()
def version(context: typer.Context) -> None:
    """Show the version."""
    if context.obj.as_json:
        show_one({"version": __version__}, Form.JSON)
    else:
        print(f"citewell {__version__}")


@with_options("output")
def doctor(context: typer.Context) -> None:
    """Check this installation, and say what to do about what is wrong."""
    from citewell.cli.examination import examine

    findings = examine()
    show(findings, ("check", "ok", "found", "remedy"), context.obj.form)
    if not all(finding["ok"] for finding in findings):
        raise typer.Exit(int(Exit.CHECK_FAILED))


def _settings(**given: Any) -> Any:
    from citewell.config import read_settings

    return read_settings(**given)
