"""The model's files are those that were released, or the process says so and does not start."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from citewell.domain.errors import StartError
from citewell.inference.model_runtime import BUILTIN, open_runtime

MANIFEST = json.loads((BUILTIN / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUILTIN, tmp_path / "builtin"))


@pytest.mark.parametrize("name", sorted(MANIFEST["sha256"]))
def test_each_file_has_the_hash_that_the_manifest_names(name: str) -> None:
    assert hashlib.sha256((BUILTIN / name).read_bytes()).hexdigest() == MANIFEST["sha256"][name]


def test_the_model_is_named_by_the_hash_of_its_weights() -> None:
    model = open_runtime().model
    assert model.revision == MANIFEST["sha256"]["model.onnx"]
    assert (model.dimension, model.max_tokens) == (384, 256)


def test_the_shipped_model_stays_below_twenty_four_megabytes() -> None:
    assert (BUILTIN / "model.onnx").stat().st_size < 24_000_000


def test_a_changed_file_is_named_and_stops_the_start(copy: Path) -> None:
    content = bytearray((copy / "model.onnx").read_bytes())
    content[-1] ^= 1
    (copy / "model.onnx").write_bytes(content)
    with pytest.raises(StartError, match=r"changed: model\.onnx"):
        open_runtime(copy)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "manifest.json"])
def test_a_missing_file_is_named_and_stops_the_start(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(StartError, match=name.replace(".", r"\.")) as raised:
        open_runtime(copy)
    assert "Install" in raised.value.hint


def test_a_manifest_that_is_not_json_stops_the_start(copy: Path) -> None:
    (copy / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(StartError, match="manifest"):
        open_runtime(copy)
