"""`citewell doctor` and `citewell version`."""

import typer

from citewell import __version__
from citewell.cli.output import Exit, Form, show


def version(context: typer.Context) -> None:
    """Show the version."""
    print(f'{{"version": "{__version__}"}}' if context.obj.as_json else f"citewell {__version__}")


def doctor(context: typer.Context) -> None:
    """Check this installation, and say what to do about what is wrong."""
    from citewell.cli.examination import examine

    findings = examine()
    show(findings, ("check", "ok", "found", "remedy"), _form(context))
    if not all(finding["ok"] for finding in findings):
        raise typer.Exit(int(Exit.CHECK_FAILED))


def _form(context: typer.Context) -> Form:
    return Form.JSON if context.obj.as_json else Form.TABLE
