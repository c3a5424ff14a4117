"""The size alarms of the house: a module, function or class that outgrows them fails here.

An exception is one line in `ALLOWED` with its reason.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "citewell"
MODULE_LINES = 300
FUNCTION_LINES = 40
PARAMETERS = 6
PUBLIC_METHODS = 12
FILES_PER_FOLDER = 16
ROUTE_LINES = 15
SCRIPT_LINES = 200

ALLOWED: dict[str, str] = {
    "config.py": "every setting is a line with its sentence, all of them in one place",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef
MODULES = sorted(SOURCE.rglob("*.py"))
SCRIPTS = sorted((SOURCE / "ui").rglob("*.js"))


def named(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def lines(node: ast.AST) -> int:
    """Lines of code from the signature to the end, the docstring left out."""
    assert isinstance(node, Function | ast.ClassDef)
    assert node.end_lineno is not None
    doc = node.body[0]
    is_doc = isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant)
    shown = doc.end_lineno - doc.lineno + 1 if is_doc and doc.end_lineno else 0
    return node.end_lineno - node.lineno + 1 - shown


def parameters(node: Function) -> int:
    named_ones = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len([a for a in named_ones if a.arg not in {"self", "cls"}])


def is_route(node: Function) -> bool:
    calls = [d for d in node.decorator_list if isinstance(d, ast.Call)]
    return any(
        isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "router"
        for call in calls
    )


def is_form(path: Path, node: Function) -> bool:
    """Typer commands and routes take their parameters from the caller's form, not from code."""
    takes_context = any(a.arg == "context" for a in node.args.args)
    rooms = {"cli", "routes"} & set(path.relative_to(SOURCE).parts)
    return (bool(node.decorator_list) or takes_context) and bool(rooms)


def problems(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    module = named(path)
    if (count := len(text.splitlines())) > MODULE_LINES:
        yield f"{module}: {count} lines"
    for function in functions(tree):
        yield from function_problems(path, function)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            methods = [f for f in node.body if isinstance(f, Function)]
            public = [f for f in methods if not f.name.startswith("_")]
            if len(public) > PUBLIC_METHODS:
                yield f"{module}:{node.name}: {len(public)} public methods"


def function_problems(path: Path, node: Function) -> Iterator[str]:
    place = f"{named(path)}:{node.name}"
    if lines(node) > FUNCTION_LINES:
        yield f"{place}: {lines(node)} lines"
    if is_route(node) and lines(node) > ROUTE_LINES:
        yield f"{place}: a route of {lines(node)} lines"
    if parameters(node) > PARAMETERS and not is_form(path, node):
        yield f"{place}: {parameters(node)} parameters"


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_nothing_in_a_module_outgrows_the_alarms(path: Path) -> None:
    found = [line for line in problems(path) if line.split(": ")[0] not in ALLOWED]
    assert not found, "\n".join(found)


def test_no_folder_holds_more_than_sixteen_files() -> None:
    folders = {path.parent for path in MODULES}
    crowded = {
        named(f): n for f in folders if (n := len(list(f.glob("*.py"))) - 1) > FILES_PER_FOLDER
    }
    assert not crowded


def test_every_exception_in_the_list_is_still_needed() -> None:
    every = {line.split(": ")[0] for path in MODULES for line in problems(path)}
    assert set(ALLOWED) <= every


def test_no_module_is_named_for_nothing() -> None:
    empty = {"utils", "helpers", "common", "manager", "base", "misc"}
    assert not [named(p) for p in MODULES if p.stem in empty]


def test_packages_are_empty() -> None:
    barrels = [p for p in MODULES if p.name == "__init__.py" and p.parent != SOURCE]
    assert not [named(p) for p in barrels if p.read_text(encoding="utf-8").strip()]


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
def test_no_script_of_the_page_is_longer_than_the_alarm(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= SCRIPT_LINES
