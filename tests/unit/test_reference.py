"""What the documentation says is what the code does."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from citewell import config
from citewell.cli.main import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README_LINES = 150
FIRST_COMMAND_BEFORE = 40


def commands(command: Any = None, name: str = "citewell") -> Iterator[tuple[str, Any]]:
    command = command or typer.main.get_command(app)
    yield name, command
    for part, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{name} {part}")


def settings_fields() -> Iterator[tuple[str, ast.stmt, ast.stmt | None]]:
    """Every field of a settings class that is not a section, with the statement after it."""
    tree = ast.parse(Path(config.__file__).read_text("utf-8"))
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, after in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(field, ast.AnnAssign) and not ast.unparse(field.annotation).endswith(
                "Settings"
            ):
                yield f"{node.name}.{ast.unparse(field.target)}", field, after


def links(page: Path) -> list[str]:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [one for one in found if not re.match(r"[a-z]+:", one)]


def test_the_reference_is_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "write_reference.py"), "--check"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_every_setting_says_what_it_does() -> None:
    silent = [
        name
        for name, _, after in settings_fields()
        if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
    ]
    assert silent == []


def test_every_variable_that_is_read_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text("utf-8")
    read = [*config.known_variables(), *config.COMMAND_LINE]
    assert [name for name in read if f"`{name}`" not in page] == []


def test_every_command_has_a_help_text() -> None:
    assert [name for name, command in commands() if not (command.help or "").strip()] == []


def test_the_commands_in_the_guides_exist() -> None:
    known = {name for name, _ in commands()}
    groups = {name for name, command in commands() if getattr(command, "commands", None)}
    unknown = []
    for page in [ROOT / "README.md", *(ROOT / "docs" / "guides").glob("*.md")]:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL):
            for words in re.findall(r"(?:^|[\s(]|bin/)citewell((?: [a-z][a-z-]*)+)", block):
                said = ["citewell", *words.split()]
                depth = 3 if " ".join(said[:2]) in groups else 2
                if " ".join(said[:depth]) not in known:
                    unknown.append((page.name, " ".join(said)))
    assert unknown == []


def test_the_make_targets_in_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    said = re.findall(r"^make ([a-z-]+)", README, flags=re.MULTILINE)
    assert said
    assert [t for t in said if not re.search(rf"^{t}:", makefile, flags=re.MULTILINE)] == []


def test_the_readme_is_short_and_begins_with_a_command() -> None:
    lines = README.splitlines()
    assert len(lines) <= README_LINES
    assert lines.index("```sh") < FIRST_COMMAND_BEFORE


def test_every_room_that_the_readme_draws_is_there() -> None:
    drawn = set(re.findall(r"^├── (\w+)/|^└── (\w+)/", README, flags=re.MULTILINE))
    source = ROOT / "src" / "citewell"
    there = {one.name for one in source.iterdir() if one.is_dir() and one.name[0] != "_"}
    assert {a or b for a, b in drawn} == there


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_something(page: Path) -> None:
    targets = [one.partition("#")[0] for one in links(page)]
    assert [one for one in targets if one and not (page.parent / one).exists()] == []
