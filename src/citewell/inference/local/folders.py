"""Model folders on this machine: where they are, and whether their files are only data."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from citewell.domain.errors import StartError

# What of a folder makes its model; read for the revision, in the order of the names.
_PARTS = frozenset({".safetensors", ".json", ".txt", ".model"})
_PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".h5", ".msgpack"})
# Modules of sentence-transformers that we know to hold numbers only; the value: has it weights?
_MODULES = {"Transformer": True, "Dense": True, "Pooling": False, "Normalize": False}
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder whose weights are in safetensors; `name` is what people may see of its place."""

    path: Path
    name: str


def checked(folder: ModelFolder) -> ModelFolder:
    """The folder. Raises `StartError` unless every part of it can be read without running code.

    Weights are read from safetensors alone: a pickle runs whatever its author wrote into it.
    """
    for part in _weighty(folder):
        place = folder.path / part
        if not (place / "config.json").is_file():
            raise StartError(
                f"{folder.name} is no model folder: {_shown(part, 'config.json')} is missing.",
                hint="Name the folder that holds config.json, the weights and the tokenizer.",
            )
        if not _has_weights(place):
            raise _without_weights(folder, part)
    return folder


def revision(folder: ModelFolder) -> str:
    """The sha256 of all that makes the model; reads it all, a second for each gigabyte or so."""
    whole = hashlib.sha256()
    for path in sorted(one for one in folder.path.rglob("*") if one.suffix in _PARTS):
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        whole.update(f"{path.relative_to(folder.path).as_posix()}\0{digest.hexdigest()}\n".encode())
    return whole.hexdigest()


def _weighty(folder: ModelFolder) -> Iterator[str]:
    """The parts of the folder that have weights, as paths inside it; the folder itself is "."."""
    listed = folder.path / "modules.json"
    if not listed.is_file():
        yield "."
        return
    try:
        for module in json.loads(listed.read_bytes()):
            part = _inside(module["path"])
            if _MODULES[_kind(module)]:
                yield part
    except (KeyError, TypeError, ValueError) as problem:
        raise StartError(
            f"{folder.name} is put together of parts that citewell does not load.",
            hint=f"Its modules.json may name {', '.join(_MODULES)} of sentence-transformers, in"
            " folders below its own.",
        ) from problem


def _kind(module: dict[str, Any]) -> str:
    package, _, kind = str(module["type"]).rpartition(".")
    # Any other package would be code that the folder brings or asks for.
    return kind if package.split(".")[0] == "sentence_transformers" else ""


def _inside(part: Any) -> str:
    path = PurePosixPath(part)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(part)
    return str(path)


def _has_weights(place: Path) -> bool:
    names = ("model.safetensors", "model.safetensors.index.json")
    return any((place / name).is_file() for name in names)


def _without_weights(folder: ModelFolder, part: str) -> StartError:
    place = folder.path / part
    pickles = sorted(one.name for one in place.iterdir() if one.suffix in _PICKLES)
    if not pickles:
        return StartError(
            f"{folder.name} has no weights: {_shown(part, 'model.safetensors')} is missing.",
            hint="Copy the whole model into the folder.",
        )
    return StartError(
        f"{folder.name} has its weights only in {_shown(part, pickles[0])}, which may run code"
        " when it is read. It was not read.",
        hint="Use a release of the model that has model.safetensors; most have one.",
    )


def _shown(part: str, name: str) -> str:
    return name if part == "." else f"{part}/{name}"
