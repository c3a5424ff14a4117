"""Habits that no linter knows: where statements are built, what a transaction never waits for."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from citewell.storage.tables.schema import metadata

OWN = Path(__file__)
ROOT = OWN.parents[2]
SOURCE = ROOT / "src" / "citewell"
MODULES = sorted(SOURCE.rglob("*.py"))
WRITTEN = sorted(
    path
    for folder in ("src", "tests", "benchmarks", "scripts")
    for path in (ROOT / folder).rglob("*.py")
)

STATEMENT = re.compile(
    r"\s*(?:SELECT\s.*\sFROM|INSERT\s+INTO|DELETE\s+FROM|UPDATE\s+\w+\s+SET|CREATE\s+TABLE)\b",
    re.DOTALL,
)
# Calls that may take as long as a model, a parser, a disk or somebody else's server.
SLOW = {
    "embed_query", "embed_clauses", "embed_passages", "token_states", "scores", "parse", "sleep",
    "save", "rebuild",
}  # fmt: skip
CATCH_ALL = {
    "api/middleware.py": "the outermost loop of a request",
    "cli/client.py": "carries a failure from the thread of the server to the one that waits for it",
    "worker/loop.py": "the outermost loop of a job",
}
# What the project consists of, and what its own commands make.
BESIDE = {
    "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md",
    "benchmarks", "docs", "pyproject.toml", "requirements", "scripts", "src", "tests",
}  # fmt: skip
MADE = {"build", "dist", "htmlcov"}
# What may be called while a module is imported, with the reason.
DECLARING = {
    "ProcessCollector": "names the metrics of the process",
    "kreuzberg.clear_ocr_backends": "the library knows no other way to be without them",
    "kreuzberg.clear_post_processors": "the library knows no other way to be without them",
}


def named(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def is_transaction(node: ast.AsyncWith) -> bool:
    calls = (item.context_expr for item in node.items)
    return any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in {"transaction", "system"}
        for call in calls
    )


def called(node: ast.AST) -> Iterator[str]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            yield ast.unparse(call.func).rpartition(".")[2]


def imported(tree: ast.Module) -> Iterator[str]:
    """The packages that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_no_statement_is_built_outside_storage() -> None:
    found = [
        f"{named(path)}:{node.lineno}"
        for path in MODULES
        if not path.is_relative_to(SOURCE / "storage")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and STATEMENT.match(node.value)
    ]
    assert found == []


def test_no_transaction_is_open_while_a_model_a_parser_or_a_clock_is_waited_for() -> None:
    transactions = [
        (path, node)
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.AsyncWith) and is_transaction(node)
    ]
    assert len(transactions) > 20
    found = [
        f"{named(path)}:{node.lineno}: {slow}"
        for path, node in transactions
        for slow in SLOW & {name for statement in node.body for name in called(statement)}
    ]
    assert found == []


def test_only_the_outermost_loops_catch_everything() -> None:
    found = set()
    for path in MODULES:
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.ExceptHandler):
                continue
            caught = "" if node.type is None else ast.unparse(node.type)
            # Who cleans up and raises again hides nothing.
            raises = any(isinstance(one, ast.Raise) for one in ast.walk(node))
            if caught in {"", "Exception", "BaseException"} and not raises:
                found.add(named(path))
    assert found == set(CATCH_ALL)


@pytest.mark.parametrize("name", sorted(metadata.tables))
def test_every_table_knows_its_tenant(name: str) -> None:
    # The installation has one key ring, and a guess may be at an account that does not exist.
    of_all = name in {"tenants", "signing_keys", "sign_in_guesses"}
    assert of_all != ("tenant_id" in metadata.tables[name].columns)


def test_no_module_does_anything_when_it_is_imported() -> None:
    doing = {
        ast.unparse(node).partition("(")[0]
        for path in MODULES
        if path.name != "__main__.py" and "migrations" not in path.parts
        for node in parsed(path).body
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    }
    assert {name for name in doing if not name.startswith("app.")} == set(DECLARING)


def test_nothing_is_left_to_do_in_any_file() -> None:
    marks = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
    assert [str(p.relative_to(ROOT)) for p in WRITTEN if marks.search(p.read_text("utf-8"))] == []


def test_no_test_is_skipped_or_expected_to_fail_or_replaces_what_it_tests() -> None:
    marks = re.compile(
        r"pytest\.(?:skip|xfail|importorskip)|mark\.(?:skip|skipif|xfail)|unittest" + r"\.mock"
    )
    tests = [path for path in WRITTEN if path.is_relative_to(ROOT / "tests") and path != OWN]
    assert [str(p.relative_to(ROOT)) for p in tests if marks.search(p.read_text("utf-8"))] == []


def test_the_tests_that_need_an_extra_are_run_by_the_same_command() -> None:
    """A run of `pytest` alone leaves them out, as their libraries are not in its environment."""
    made = (ROOT / "Makefile").read_text("utf-8")
    (steps,) = re.findall(r"^test:.*\n((?:\t.*\n)+)", made, re.MULTILINE)
    assert re.search(r"pytest .*tests/local\n", steps)
    assert list((ROOT / "tests" / "local").glob("test_*.py"))
    libraries = {"torch", "transformers", "sentence_transformers"}
    users = {
        path.parent
        for path in WRITTEN
        if path.is_relative_to(ROOT / "tests") and libraries & set(imported(parsed(path)))
    }
    assert users == {ROOT / "tests" / "local"}


def test_every_test_module_says_what_it_is_about() -> None:
    tests = [path for path in WRITTEN if path.name.startswith("test_")]
    silent = [str(path.relative_to(ROOT)) for path in tests if not ast.get_docstring(parsed(path))]
    assert silent == []


def test_no_two_tests_of_a_module_have_one_name() -> None:
    for path in WRITTEN:
        if not path.name.startswith("test_"):
            continue
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        names = [node.name for node in parsed(path).body if isinstance(node, functions)]
        assert len(names) == len(set(names)), path.name


def test_nothing_lies_beside_the_rooms_that_nobody_has_put_there() -> None:
    """What a trial leaves behind, a database say, is committed sooner than it is seen."""
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert there - BESIDE - MADE == set()
