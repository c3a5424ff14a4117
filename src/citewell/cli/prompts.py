"""What commands ask whoever sits there: whether it is meant, and new passwords."""

import sys

import typer

from citewell.cli.options import Target
from citewell.cli.output import Exit, fail


def confirm(deed: str, target: Target, *, yes: bool) -> None:
    """Go on, or end the command; where nobody can be asked, only `--yes` goes on."""
    if yes:
        return
    if not sys.stdin.isatty():
        hint = "Say --yes to do it."
        fail(f"This would {deed}.", hint, code=Exit.USAGE, as_json=target.as_json)
    typer.confirm(f"Do you want to {deed}?", abort=True, err=True)


def new_password(whose: str, target: Target) -> str:
    """Typed twice and not shown; where nobody can be asked, the first line of stdin."""
    if sys.stdin.isatty():
        asked = f"New password of {whose}"
        return str(typer.prompt(asked, hide_input=True, confirmation_prompt=True, err=True))
    return _line(f"A password of {whose}", target)


def typed_secret(what: str, target: Target) -> str:
    """Typed and not shown; where nobody can be asked, the first line of stdin."""
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=True, err=True))
    return _line(what, target)


def _line(what: str, target: Target) -> str:
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        hint = "Type it at a terminal, or write it as one line to this command's input."
        fail(f"{what} is needed.", hint, code=Exit.USAGE, as_json=target.as_json)
    return line
