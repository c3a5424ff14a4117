"""Each kind of tiny model, made once; a test that changes one gets a copy."""

from pathlib import Path

import pytest

from tests.local import making


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return making.bert(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.fixture(scope="session")
def ranker_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return making.bert(tmp_path_factory.mktemp("models") / "tiny-ranker", labels=1)


@pytest.fixture(scope="session")
def llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return making.llama(tmp_path_factory.mktemp("models") / "tiny-llama")
