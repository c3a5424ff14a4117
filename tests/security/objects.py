"""Bytes and JSON that leave a marker the moment a careless reader makes an object of them."""

import io
import os
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import ormsgpack


class _Touching:
    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self._command,)


def objects(marker: Path) -> Mapping[str, bytes]:
    """Files by names that somebody's program loads without asking."""
    command = _command(marker)
    pickled = pickle.dumps(_Touching(command))
    arrays = np.array([_Touching(command)], dtype=object)
    array, packed, weights = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(array, arrays, allow_pickle=True)
    np.savez(packed, arrays=arrays)
    with zipfile.ZipFile(weights, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
    # As LangGraph's serializer writes a call: a module, a name, and what it is called with.
    called = ormsgpack.packb(("os", "system", (command,)))
    return {
        "index.pkl": pickled,
        "model.joblib": pickled,
        "array.npy": array.getvalue(),
        "arrays.npz": packed.getvalue(),
        "weights.pt": weights.getvalue(),
        "state.msgpack": ormsgpack.packb(ormsgpack.Ext(1, called)),
        "sitecustomize.py": f"import os; os.system({command!r})".encode(),
        "settings.yaml": f"!!python/object/apply:os.system [{command!r}]".encode(),
    }


def constructors(marker: Path) -> Sequence[Mapping[str, Any]]:
    """JSON by which LangChain, LangGraph and others name what is to be called."""
    command = _command(marker)
    call = {"type": "constructor", "id": ["os", "system"]}
    return [
        {"lc": 1, **call, "kwargs": {"command": command}},
        {"lc": 2, **call, "args": [command], "kwargs": {}},
        {"lc": 2, **call, "id": ["os", "popen"], "method": "read", "args": [command]},
        {"lc": 1, "type": "secret", "id": ["PATH"]},
        {"py/reduce": [{"py/function": "os.system"}, {"py/tuple": [command]}]},
        {"__class__": "os.system", "__args__": [command]},
    ]


def _command(marker: Path) -> str:
    return f"touch '{marker}'"
