"""The options of every command, understood before the command's name and after it."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from itertools import pairwise
from typing import Annotated, Any

import typer

from citewell.cli.output import Form

Server = Annotated[
    str | None, typer.Option("--server", help="Address of a running server.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON; the same as -o json.")]
Output = Annotated[
    Form | None, typer.Option("--output", "-o", help="How to write the result.", show_default=False)
]

Collections = Annotated[
    list[str] | None, typer.Option("--collection", "-c", help="Name or id; may be repeated.")
]


@dataclass(frozen=True, slots=True)
class Target:
    """Which server to talk to, and how to write what it says."""

    server: str | None = None
    form: Form = Form.TABLE

    @property
    def as_json(self) -> bool:
        """Whether a program reads along."""
        return self.form in {Form.JSON, Form.JSONL}

    def given(self, server: str | None, output: Form | None, *, as_json: bool) -> "Target":
        """The same with what was said in one place of the command line."""
        form = Form.JSON if as_json else output or self.form
        return replace(self, server=server or self.server, form=form)


def with_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The command, with `--json` and the named ones of `server` and `output`.

    The command itself sees none of them; its context's `obj` says what was asked for.
    """

    def extend(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True)
        added = [_PARAMETERS[name] for name in ("as_json", *names)]

        @wraps(command)
        def run(**given: Any) -> None:
            said = {one.name: given.pop(one.name) for one in added}
            context = given["context"]
            context.obj = context.obj.given(
                said.get("server"), said.get("output"), as_json=said["as_json"]
            )
            command(**given)

        parameters = [*own.parameters.values(), *added]
        # Typer reads both.
        run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return extend


def wants_json(words: Sequence[str]) -> bool:
    """Whether a command line asks for JSON, for errors that come before it is understood."""
    forms = {Form.JSON.value, Form.JSONL.value}
    after = dict(pairwise(words))
    named = {after.get("-o"), after.get("--output")}
    joined = {f"{option}{form}" for option in ("-o", "--output=") for form in forms}
    return bool("--json" in words or forms & named or joined & set(words))


def _everything(
    server: Server = None,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Nothing; its parameters are what `with_options` adds."""


_PARAMETERS = {
    name: one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
    for name, one in inspect.signature(_everything, eval_str=True).parameters.items()
}
