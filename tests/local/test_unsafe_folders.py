"""A model folder is data (S8): no code of it runs, no pickle of it is read, nobody is asked."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch

from citewell.domain.errors import StartError
from tests.local import making
from tests.unit.inference.test_model_folders import KINDS, Opening, opening

__all__ = ["opening"]
MODEL_CODE = """
from pathlib import Path
Path({mark!r}).write_text("ran")
from transformers import BertConfig as Own, BertModel, BertTokenizer
OwnModel, OwnTokenizer = BertModel, BertTokenizer
"""


class Payload:
    """What its pickle does when it is read: make a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def folders(
    bert_folder: Path, ranker_folder: Path, llama_folder: Path, tmp_path: Path
) -> dict[str, Path]:
    """A copy of each kind of model."""
    originals = dict(zip(KINDS, (bert_folder, ranker_folder, llama_folder), strict=True))
    return {kind: Path(shutil.copytree(one, tmp_path / kind)) for kind, one in originals.items()}


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **values}), "utf-8")


@pytest.mark.parametrize("kind", list(KINDS))
async def test_a_pickle_that_runs_code_is_refused_unread(
    folders: dict[str, Path], kind: str, tmp_path: Path
) -> None:
    folder, mark = folders[kind], tmp_path / "ran"
    (folder / "model.safetensors").unlink()
    torch.save({"weights": Payload(mark)}, folder / "pytorch_model.bin")
    with pytest.raises(StartError, match=r"only in pytorch_model\.bin, which may run code"):
        await KINDS[kind](str(folder))
    assert not mark.exists()


async def test_a_pickle_beside_the_weights_is_not_read(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    for kind, folder in folders.items():
        for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt"):
            torch.save({"weights": Payload(tmp_path / "ran")}, folder / name)
        opened = await KINDS[kind](str(folder))
        await opened.close()
    assert not (tmp_path / "ran").exists()


async def test_a_module_with_a_pickle_is_refused_unread(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    folder, mark = folders["embedder"], tmp_path / "ran"
    below = folder / "1_Dense"
    below.mkdir()
    (below / "config.json").write_text('{"in_features": 32, "out_features": 8, "bias": true}')
    torch.save({"linear.weight": Payload(mark)}, below / "pytorch_model.bin")
    package = "sentence_transformers.models."
    making.modules(folder, [("", f"{package}Transformer"), ("1_Dense", f"{package}Dense")])
    with pytest.raises(StartError, match=r"only in 1_Dense/pytorch_model\.bin"):
        await KINDS["embedder"](str(folder))
    assert not mark.exists()


@pytest.mark.parametrize("known", [True, False], ids=["known-type", "unknown-type"])
@pytest.mark.parametrize("kind", list(KINDS))
async def test_code_of_a_folder_never_runs(
    folders: dict[str, Path], kind: str, tmp_path: Path, *, known: bool
) -> None:
    folder, mark = folders[kind], tmp_path / "ran"
    (folder / "modeling.py").write_text(MODEL_CODE.format(mark=str(mark)), "utf-8")
    classes = ("AutoModel", "AutoModelForSequenceClassification", "AutoModelForCausalLM")
    own = {"AutoConfig": "modeling.Own", **dict.fromkeys(classes, "modeling.OwnModel")}
    tokenizer = {"AutoTokenizer": ["modeling.OwnTokenizer", "modeling.OwnTokenizer"]}
    change(folder / "config.json", auto_map={**own, **tokenizer})
    change(folder / "tokenizer_config.json", auto_map=tokenizer)
    if known:
        opened = await KINDS[kind](str(folder))
        await opened.close()
    else:
        change(folder / "config.json", model_type="own", architectures=["OwnModel"])
        with pytest.raises(StartError, match="cannot be loaded") as raised:
            await KINDS[kind](str(folder))
        assert "never run" in raised.value.hint
        assert "transformers knows" in raised.value.hint
    assert not mark.exists()
    assert "modeling" not in sys.modules


async def test_a_module_class_of_the_folder_is_refused(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    folder, mark = folders["embedder"], tmp_path / "ran"
    (folder / "modeling.py").write_text(MODEL_CODE.format(mark=str(mark)), "utf-8")
    making.modules(folder, [("", "modeling.OwnModel")])
    with pytest.raises(StartError, match="parts that citewell does not load"):
        await KINDS["embedder"](str(folder))
    assert not mark.exists()


async def test_weights_that_are_cut_off_are_refused(
    folders: dict[str, Path], opening: Opening
) -> None:
    for folder in folders.values():
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:1000])
    kind = next(kind for kind, one in KINDS.items() if one is opening)
    with pytest.raises(StartError, match="cannot be loaded"):
        await opening(str(folders[kind]))


def cache(home: Path, name: str, folder: Path) -> None:
    """Lay a folder where a download of that name would have put it."""
    place = home / f"models--{name.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    commit = "0" * 40
    (place / "refs" / "main").write_text(commit)
    shutil.copytree(folder, place / "snapshots" / commit)


async def test_a_name_is_looked_up_in_the_local_cache(
    bert_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache(tmp_path, "org/tiny", bert_folder)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    opened = await KINDS["embedder"]("org/tiny")
    assert opened.model.name == "org/tiny"
    assert (await opened.embed_query("rain")).shape == (32,)
    await opened.close()


# Opens all three and has them work; whoever tries to reach somebody ends the process.
CUT_OFF = """
import asyncio, os, sys

def guard(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"}:
        print(event, arguments, file=sys.stderr)
        os._exit(9)

sys.addaudithook(guard)
from langchain_core.messages import HumanMessage
from tests.unit.inference.test_model_folders import KINDS
from citewell.domain.errors import StartError

async def main():
    embedder, reranker, chat = [await KINDS[kind](path) for kind, path in zip(KINDS, sys.argv[1:])]
    assert (await embedder.embed_query("rain")).any()
    assert len(await reranker.scores("rain", ["rain fell"])) == 1
    assert [one async for one in chat.stream([HumanMessage("rain")], most_tokens=5)]
    for one in (embedder, reranker, chat):
        await one.close()
    for kind in KINDS:
        try:
            await KINDS[kind]("org/not-here")
        except StartError as problem:
            print(problem.message, problem.hint)

asyncio.run(main())
"""


def test_loading_answering_and_a_name_that_is_not_here_reach_no_network(
    bert_folder: Path, ranker_folder: Path, llama_folder: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CUT_OFF, bert_folder, ranker_folder, llama_folder],
        env={"PATH": os.environ["PATH"], "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("nothing is downloaded while the server runs") == 3
    assert done.stdout.count("Run: hf download org/not-here") == 3
    # Neither progress bars nor advice of the libraries get into the log.
    assert done.stderr == ""
