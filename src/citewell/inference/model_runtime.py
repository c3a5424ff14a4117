"""The bundled model in memory: checked, loaded, run by one thread per call or by two."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, RuntimeException

from citewell.domain.errors import StartError, UpstreamError
from citewell.inference.embedding import EmbeddingModel
from citewell.inference.wordpieces import WordPieces

BUILTIN = Path(__file__).with_name("builtin")
REPAIR = "Install citewell again; the files of its model are not what was released."
# A thread that waits for its part of a question looks again and again for so long, then sleeps.
SPIN_MICROSECONDS = 100
States = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ModelRuntime:
    """A model and its tokenizer; `run` may be called from many threads at once."""

    model: EmbeddingModel
    pieces: WordPieces
    tokenizer_json: str
    session: Any
    folder: Path

    def on_two_threads(self) -> "ModelRuntime":
        """The same model, loaded again, with two threads for each call.

        A call is done in two thirds of the time, but two at once take longer than one by one.
        Raises `StartError` as `open_runtime` does.
        """
        weights = _checked(self.folder / "model.onnx", _manifest(self.folder))
        return replace(self, session=_session(weights, threads=2))

    def run(self, ids: Sequence[int]) -> States:
        """The (length, dimension) states of one text's ids.

        One text at a time: activations are quantised over all that a call is given, so in a batch
        the vector of a text would depend on its neighbours; and a batch is no faster, as one long
        text fills the cache. Raises `UpstreamError` if the runtime fails, for want of memory say.
        """
        feed = {"input_ids": np.asarray([ids], dtype=np.int64)}
        try:
            states: States = self.session.run(None, feed)[0][0]
        except (Fail, InvalidArgument, RuntimeException) as problem:
            raise UpstreamError(f"The bundled model failed: {problem}") from problem
        return states


def open_runtime(folder: Path = BUILTIN) -> ModelRuntime:
    """Loads the model of a folder; raises `StartError` if a file is missing or was changed."""
    manifest = _manifest(folder)
    weights = _checked(folder / "model.onnx", manifest)
    definition = _checked(folder / "tokenizer.json", manifest).decode("utf-8")
    model = EmbeddingModel(
        name=manifest["name"],
        revision=manifest["sha256"]["model.onnx"],
        dimension=manifest["dimension"],
        max_tokens=manifest["max_tokens"],
        # all-MiniLM-L6-v2's training pairs are English (its model card).
        languages=frozenset({"en"}),
    )
    return ModelRuntime(model, WordPieces(definition), definition, _session(weights), folder)


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    except (OSError, ValueError) as problem:
        raise StartError(f"The bundled model has no manifest: {problem}", hint=REPAIR) from problem
    return manifest


def _checked(path: Path, manifest: dict[str, Any]) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise StartError(f"The bundled model is incomplete: {problem}", hint=REPAIR) from problem
    if hashlib.sha256(content).hexdigest() != manifest["sha256"][path.name]:
        raise StartError(f"The bundled model was changed: {path.name}", hint=REPAIR)
    return content


def _session(weights: bytes, *, threads: int = 1) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    if threads > 1:
        options.add_session_config_entry(
            "session.intra_op.spin_duration_us", str(SPIN_MICROSECONDS)
        )
    else:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
