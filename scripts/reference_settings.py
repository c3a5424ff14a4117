"""The settings page: names and types from the model, words from the docstrings of its fields."""

import ast
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel

from citewell import config

INTRODUCTION = """# Settings

Everything is an environment variable; there is no configuration file. `__` separates the parts of
a nested name. A variable that starts with `CITEWELL_` and is not listed here is reported at the
start with the nearest name that is; a value that does not fit ends it with a message that names
the variable.
"""
# What no default in the code can say on every machine.
DEFAULTS = {"CITEWELL_HOME": "the platform's folder for user data"}
CLIENT = """## Read by the commands alone

| variable | type | default | what it does |
|---|---|---|---|
| `CITEWELL_SERVER` | str | the server of the data directory | Address of the server to talk to. |
| `CITEWELL_API_KEY` | str | `secrets/admin-key` in the data directory | Key to sign in with. |
"""


def docstrings() -> dict[str, dict[str, str]]:
    """Class name → field name → the string literal that stands under the field."""
    tree = ast.parse(Path(config.__file__).read_text("utf-8"))
    found: dict[str, dict[str, str]] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            fields = found.setdefault(node.name, {})
            for field, after in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    text = after.value if isinstance(after, ast.Expr) else None
                    if isinstance(text, ast.Constant) and isinstance(text.value, str):
                        fields[field.target.id] = " ".join(text.value.split())
    return found


def page() -> str:
    """The whole page."""
    lines = [INTRODUCTION, "## Read by server and worker\n"]
    lines += ["| variable | type | default | what it does |", "|---|---|---|---|"]
    lines += rows(config.Settings, "CITEWELL_")
    return "\n".join(lines) + "\n\n" + CLIENT


def rows(model: type[BaseModel], prefix: str) -> list[str]:
    """A row per variable; the fields of a section follow where the section stands."""
    words = docstrings()[model.__name__]
    made: list[str] = []
    for name, field in model.model_fields.items():
        kind, alias = field.annotation, field.validation_alias
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            made += rows(kind, f"{prefix}{name.upper()}__")
            continue
        given = alias.choices if isinstance(alias, AliasChoices) else [prefix + name.upper()]
        names = [str(one) for one in given if str(one).isupper()]
        default = DEFAULTS.get(names[0]) or _default(field.default)
        shown = " or ".join(f"`{one}`" for one in names)
        made.append(f"| {shown} | {_kind(kind, field.metadata)} | {default} | {words[name]} |")
    return made


def _default(value: Any) -> str:
    if value is None:
        return "–"
    return f"`{value:_}`" if isinstance(value, int) and value > 9999 else f"`{value}`"


def _kind(annotation: Any, metadata: list[Any]) -> str:
    arguments = [one for one in getattr(annotation, "__args__", ()) if one is not type(None)]
    if arguments and all(isinstance(one, str) for one in arguments):
        return ", ".join(f"`{one}`" for one in arguments)
    name = (arguments or [annotation])[0].__name__.replace("SecretStr", "secret")
    return " ".join([name.lower(), *filter(None, map(_bound, metadata))])


def _bound(limit: Any) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    said = [f"{sign} {getattr(limit, at):_}" for at, sign in signs.items() if hasattr(limit, at)]
    return " ".join(said)
