"""The page of the command line, from the tree of commands that Typer builds."""

from collections.abc import Iterator
from enum import Enum
from typing import Any

import typer

from citewell.cli.main import app
from citewell.cli.output import Exit

INTRODUCTION = """# Command line

Results go to stdout; progress, warnings and errors to stderr. `--json`, `-o` and `--server` stand
before a command or after it. With `--json` an error is one object on stderr. Commands talk to
the server named by `--server` or `CITEWELL_SERVER`, else to the one that runs on the data
directory, else to one that lives as long as the command.
"""
MEANINGS = {
    Exit.OK: "done",
    Exit.FAILURE: "failed",
    Exit.USAGE: "wrong usage",
    Exit.PARTLY: "some of it failed",
    Exit.FORBIDDEN: "no known key, or not allowed",
    Exit.UNREACHABLE: "no server there, or not ready",
    Exit.NOT_FOUND: "not there",
    Exit.LIMITED: "too often",
    Exit.TIMEOUT: "took too long",
    Exit.CHECK_FAILED: "a check found something wrong",
    Exit.INTERRUPTED: "interrupted",
}


def commands(command: Any = None, name: str = "citewell") -> Iterator[tuple[str, Any]]:
    """Every command with its full name, groups before what is in them."""
    command = command or typer.main.get_command(app)
    yield name, command
    for part, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{name} {part}")


def page() -> str:
    """The whole page."""
    made = [INTRODUCTION, "## Exit codes\n", "| code | meaning |", "|---|---|"]
    made += [f"| {int(code)} | {MEANINGS[code]} |" for code in Exit]
    for name, command in commands():
        made += ["", f"## {name}\n", command.help or ""]
        made += _table(command)
    return "\n".join(made) + "\n"


def _table(command: Any) -> list[str]:
    shown = [one for one in command.params if not one.hidden and "complet" not in one.name]
    if not shown:
        return []
    head = ["", "| argument or option | value | default | what it does |", "|---|---|---|---|"]
    return head + [_row(one) for one in shown]


def _row(one: Any) -> str:
    is_option = one.param_type_name == "option"
    names = [*one.opts, *one.secondary_opts] if is_option else [one.name.upper()]
    if one.required:
        default = "required"
    else:
        value = getattr(one.default, "value", one.default)
        default = f"`{value}`" if value not in {None, "", False} else "–"
    shown = ", ".join(f"`{name}`" for name in names)
    return f"| {shown} | {_kind(one)} | {default} | {one.help or ''} |"


def _kind(one: Any) -> str:
    annotation = one.type_descriptor.annotation
    parts = [a for a in getattr(annotation, "__args__", ()) if a is not type(None)]
    kind = (parts or [annotation])[0]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{member.value}`" for member in kind)
    if kind is bool:
        return "switch"
    several = one.multiple or one.nargs == -1
    return getattr(kind, "__name__", str(kind)).lower() + (", several" if several else "")
