"""Every pattern that the product is made of, and how its code asks each.

Patterns with a name are taken from the imported modules, those without from the source, where what
is put into one at run time counts as the letter a.
"""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import ModuleType

import citewell

METHODS = ("search", "match", "fullmatch", "findall", "finditer", "split", "sub", "subn")
# Running it at import would start the product; it holds no pattern.
_STARTS = {"citewell.cli.__main__"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A pattern, where it stands, and the methods that the code calls on it."""

    where: str
    pattern: re.Pattern[str] | re.Pattern[bytes]
    methods: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Source:
    module: ModuleType
    tree: ast.Module


def inventory() -> list[Asked]:
    """All patterns of the product, each place once.

    Raises `ValueError` over a pattern that can be neither imported nor read.
    """
    sources = list(_sources())
    uses = _uses(sources)
    return [asked for source in sources for asked in (*_named(source, uses), *_inline(source))]


def _sources() -> Iterator[_Source]:
    for found in pkgutil.walk_packages(citewell.__path__, "citewell."):
        if found.name in _STARTS or ".migrations." in found.name:
            continue
        module = importlib.import_module(found.name)
        yield _Source(module, ast.parse(Path(str(module.__file__)).read_text("utf-8")))


def _uses(sources: list[_Source]) -> dict[tuple[str, str], set[str]]:
    """By module and name: methods called on it, anywhere; every method once it is handed on."""
    uses: dict[tuple[str, str], set[str]] = {}
    for source in sources:
        home = {
            name.asname or name.name: (str(node.module), name.name)
            for node in ast.walk(source.tree)
            if isinstance(node, ast.ImportFrom)
            for name in node.names
        }
        called = set()
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                called.add(node.value)
                key = home.get(node.value.id, (source.module.__name__, node.value.id))
                uses.setdefault(key, set()).update({node.attr} & {*METHODS})
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node not in called:
                key = home.get(node.id, (source.module.__name__, node.id))
                uses.setdefault(key, set()).update(METHODS)
    return uses


def _named(source: _Source, uses: dict[tuple[str, str], set[str]]) -> Iterator[Asked]:
    module = source.module
    owners = [(module.__name__, vars(module), source.tree.body)]
    owners += [
        (f"{module.__name__}.{node.name}", vars(vars(module)[node.name]), node.body)
        for node in source.tree.body
        if isinstance(node, ast.ClassDef)
    ]
    for where, members, body in owners:
        for statement in body:
            if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
                count = sum(_is_compile(node) for node in ast.walk(statement.value))
                if not count:
                    continue
                name = ast.unparse(_target(statement))
                patterns = list(_patterns(members[name]))
                if len(patterns) < count:
                    raise ValueError(f"{where}.{name} holds patterns that cannot be found.")
                methods = uses.get((module.__name__, name), set()) or {*METHODS}
                for pattern in patterns:
                    yield Asked(f"{where}.{name}", pattern, frozenset(methods))


def _inline(source: _Source) -> Iterator[Asked]:
    """Patterns inside functions, and those that are asked where they stand."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    inside = {
        node
        for function in ast.walk(source.tree)
        if isinstance(function, functions)
        for node in ast.walk(function)
    }
    calls = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) == "re"
        and (node.func.attr in METHODS or (node.func.attr == "compile" and node in inside))
    ]
    for call in calls:
        assert isinstance(call.func, ast.Attribute)
        flags = [ast.unparse(one) for one in call.args if ast.unparse(one).startswith("re.")]
        flags += [ast.unparse(one.value) for one in call.keywords if one.arg == "flags"]
        pattern = re.compile(_written(call.args[0]), _flags(flags))
        methods = METHODS if call.func.attr == "compile" else (call.func.attr,)
        where = f"{source.module.__name__}:{call.lineno}"
        yield Asked(where, pattern, frozenset(methods))


def _target(statement: ast.Assign | ast.AnnAssign) -> ast.expr:
    return statement.targets[0] if isinstance(statement, ast.Assign) else statement.target


def _is_compile(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "re.compile"


def _patterns(value: object) -> Iterator[re.Pattern[str] | re.Pattern[bytes]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _patterns(one)
    elif is_dataclass(value):
        for part in fields(value):
            yield from _patterns(getattr(value, part.name))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for one in value:
            yield from _patterns(one)


def _written(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_written(part) for part in parts)
        case ast.FormattedValue():
            return "a"
    raise ValueError(f"Line {node.lineno}: give the pattern {ast.unparse(node)} a name.")


def _flags(names: list[str]) -> re.RegexFlag:
    flags = re.NOFLAG
    for name in " | ".join(names).replace("re.", "").split(" | ") if names else ():
        flags |= re.RegexFlag[name]
    return flags
