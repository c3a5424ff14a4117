"""What each room may know beyond the layers: adapters, the agent's neighbours, the domain."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "citewell"
MODULES = {path: ast.parse(path.read_text("utf-8")) for path in sorted(SOURCE.rglob("*.py"))}

# Each is named where it is opened.
ADAPTERS = {
    "citewell.inference.builtin_embedder": {"inference/opening.py"},
    "citewell.inference.openai_embedder": {"inference/opening.py"},
    "citewell.inference.local.sentence_embedder": {"inference/opening.py"},
    "citewell.inference.reranking.cross_encoder": {"inference/opening.py"},
    "citewell.inference.reranking.http_reranker": {"inference/opening.py"},
    "citewell.storage.embedded": {"bootstrap.py"},
}
AGENT_KNOWS = {"agent", "retrieval", "inference", "telemetry", "domain"}
INDEX_KNOWS = {"index", "domain"}
FRONT_DOORS = ("accounts", "agent", "chat", "documents", "retrieval")


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that are imported anywhere in this one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def named(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def rooms_known_to(room: str) -> set[str]:
    found = {
        module.split(".")[1]
        for path, tree in MODULES.items()
        if path.is_relative_to(SOURCE / room)
        for module in imports(tree)
        if module.startswith("citewell.")
    }
    assert room in found
    return found


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_only_what_opens_an_adapter_names_it(adapter: str) -> None:
    own = f"{adapter.removeprefix('citewell.').replace('.', '/')}.py"
    assert (SOURCE / own).is_file()
    users = {named(path) for path, tree in MODULES.items() if adapter in imports(tree)} - {own}
    assert users <= ADAPTERS[adapter]


def test_the_agent_knows_what_it_looks_up_and_speaks_with_and_nothing_else() -> None:
    assert rooms_known_to("agent") <= AGENT_KNOWS


def test_the_index_knows_no_database() -> None:
    assert rooms_known_to("index") <= INDEX_KNOWS


def test_the_domain_stands_on_the_standard_library_alone() -> None:
    allowed = sys.stdlib_module_names | {"citewell"}
    for path, tree in MODULES.items():
        if path.is_relative_to(SOURCE / "domain"):
            known = {module.split(".")[0] for module in imports(tree)}
            assert known <= allowed, named(path)
    assert rooms_known_to("domain") == {"domain"}


@pytest.mark.parametrize("room", FRONT_DOORS)
def test_a_room_that_does_something_has_one_front_door_named_after_it(room: str) -> None:
    tree = MODULES[SOURCE / room / "service.py"]
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    assert room.capitalize() in classes


def test_a_protocol_exists_only_where_two_implementations_ship() -> None:
    classes = [
        node
        for tree in MODULES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]
    protocols = [c for c in classes if any(ast.unparse(b) == "Protocol" for b in c.bases)]
    assert protocols
    for protocol in protocols:
        promised = members(protocol)
        kept = [c.name for c in classes if c is not protocol and promised <= members(c)]
        assert len(kept) >= 2, f"{protocol.name}: {kept}"


def members(node: ast.ClassDef) -> set[str]:
    """What a class offers by name; a field keeps the promise of a property."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    fields = {ast.unparse(one.target) for one in node.body if isinstance(one, ast.AnnAssign)}
    return fields | {one.name for one in node.body if isinstance(one, functions)}
