"""Whatever in our source could make objects or code of data, where bandit sees little."""

import ast
from collections.abc import Iterator

# Of `langgraph.checkpoint` the serializer: its types need a list of those that are allowed.
MODULES = {
    "_pickle", "builtins", "cloudpickle", "code", "codeop", "dill", "joblib", "jsonpickle",
    "langchain_core.load", "langgraph.checkpoint", "langgraph.store", "marshal", "pickle",
    "sentence_transformers", "shelve", "torch", "transformers", "yaml",
}  # fmt: skip
NAMES = {"__import__", "compile", "eval", "exec"}
# Options that allow what a library does not by itself, or forbid it where it does.
OPTIONS = {
    "allow_pickle": False, "trust_remote_code": False, "use_safetensors": True,
    "weights_only": True,
}  # fmt: skip


def unsafe(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of each."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found = [one.name for one in names if _is_banned(one.name)]
            case ast.ImportFrom(module=str(module), names=names):
                full = [f"{module}.{one.name}" for one in names]
                found = [one for one in full if _is_banned(one)]
            case ast.Name(id=name) if name in NAMES:
                found = [name]
            case ast.keyword(arg=str(option), value=value) if option in OPTIONS:
                safe = isinstance(value, ast.Constant) and value.value is OPTIONS[option]
                found = [] if safe else [option]
            case _:
                continue
        yield from ((node.lineno, name) for name in found)


def _is_banned(module: str) -> bool:
    parts = module.split(".")
    return any(".".join(parts[:length]) in MODULES for length in range(1, len(parts) + 1))
