"""Folders of local models: what is read of them, and what the extra `local` is missing for."""

import json
import pickle  # it makes what must not be read
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from citewell.domain.errors import StartError
from citewell.inference.chat.opening import Terms, open_model
from citewell.inference.local.folders import ModelFolder, checked, revision
from citewell.inference.opening import Server, open_embedder, open_reranker

Opening = Callable[[str], Awaitable[Any]]
KINDS: dict[str, Opening] = {
    "embedder": lambda name: open_embedder(f"sentence-transformers:{name}", Server("")),
    "reranker": lambda name: open_reranker(f"cross-encoder:{name}", Server(""), seconds=2),
    "chat": lambda name: open_model(f"huggingface:{name}", Terms("")),
}
EXTRA = "pip install 'citewell[local]'"


@pytest.fixture(params=list(KINDS))
def opening(request: pytest.FixtureRequest) -> Opening:
    return KINDS[request.param]


def made(path: Path, weights: str = "model.safetensors") -> ModelFolder:
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text("{}")
    (path / weights).write_bytes(b"\x00" * 8)
    return ModelFolder(path, path.name)


def listed(folder: ModelFolder, *modules: tuple[str, str]) -> ModelFolder:
    told = [{"type": kind, "path": path} for kind, path in modules]
    (folder.path / "modules.json").write_text(json.dumps(told))
    return folder


async def test_without_the_extra_the_start_says_how_to_install_it(
    opening: Opening, tmp_path: Path
) -> None:
    folder = made(tmp_path / "model")
    for name in (str(folder.path), "org/model"):
        with pytest.raises(StartError, match="needs the extra `local`") as raised:
            await opening(name)
        assert EXTRA in raised.value.hint


async def test_a_folder_that_is_not_there_is_said_to_be_missing(
    opening: Opening, tmp_path: Path
) -> None:
    for name in (str(tmp_path / "nothing"), "./nothing", "~/nothing/at/all", "a/b/c"):
        with pytest.raises(StartError, match="there is no folder"):
            await opening(name)


async def test_weights_that_are_only_a_pickle_are_refused_with_the_remedy(
    opening: Opening, tmp_path: Path
) -> None:
    folder = made(tmp_path / "old", "pytorch_model.bin")
    (folder.path / "pytorch_model.bin").write_bytes(pickle.dumps({"weights": [1.0]}))
    with pytest.raises(StartError, match=r"only in pytorch_model\.bin, which may run code") as said:
        await opening(str(folder.path))
    assert "model.safetensors" in said.value.hint


@pytest.mark.parametrize("name", ["model.safetensors", "model.safetensors.index.json"])
def test_a_folder_with_safetensors_is_taken_whatever_else_lies_there(
    tmp_path: Path, name: str
) -> None:
    folder = made(tmp_path / "model", name)
    (folder.path / "pytorch_model.bin").write_bytes(b"never read")
    assert checked(folder) == folder


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_half_a_model_is_no_model(tmp_path: Path, missing: str) -> None:
    folder = made(tmp_path / "model")
    (folder.path / missing).unlink()
    with pytest.raises(StartError, match=rf"{missing} is missing"):
        checked(folder)


def test_every_module_with_weights_has_them_in_safetensors(tmp_path: Path) -> None:
    folder = made(tmp_path / "model")
    transformer = ("sentence_transformers.models.Transformer", "")
    pooling = ("sentence_transformers.models.Pooling", "1_Pooling")
    dense = ("sentence_transformers.base.modules.dense.Dense", "2_Dense")
    assert checked(listed(folder, transformer, pooling)) == folder
    made(folder.path / "2_Dense", "pytorch_model.bin")
    with pytest.raises(StartError, match=r"only in 2_Dense/pytorch_model\.bin"):
        checked(listed(folder, transformer, pooling, dense))
    made(folder.path / "2_Dense")
    assert checked(listed(folder, transformer, pooling, dense)) == folder


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("modeling.Own", ""),
        ("os.system", ""),
        ("Transformer", ""),
        ("sentence_transformers_of_others.Transformer", ""),
        ("sentence_transformers.models.WordEmbeddings", ""),
        ("sentence_transformers.models.Transformer", "../elsewhere"),
        ("sentence_transformers.models.Transformer", "/etc"),
    ],
)
def test_a_module_that_we_do_not_know_to_be_data_is_refused(
    tmp_path: Path, kind: str, path: str
) -> None:
    folder = listed(made(tmp_path / "model"), (kind, path))
    with pytest.raises(StartError, match="parts that citewell does not load"):
        checked(folder)


@pytest.mark.parametrize("text", ["", "{", "3", '["x"]', '{"a": 1}', "[{}]"])
def test_a_list_of_modules_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    folder = made(tmp_path / "model")
    (folder.path / "modules.json").write_text(text)
    with pytest.raises(StartError, match="parts that citewell does not load"):
        checked(folder)


def test_the_revision_is_of_the_content_and_not_of_the_place(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one"), made(tmp_path / "two")
    assert revision(one) == revision(two)
    (two.path / "README.md").write_text("A note.")
    assert revision(one) == revision(two)
    (two.path / "tokenizer.json").write_text("{}")
    changed = revision(two)
    assert changed != revision(one)
    (two.path / "tokenizer.json").rename(two.path / "vocab.json")
    assert revision(two) not in {changed, revision(one)}
