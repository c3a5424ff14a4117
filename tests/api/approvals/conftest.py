"""A server whose model is offered tools with an effect, and where that effect is counted."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from citewell.config import LimitSettings, LlmSettings, Settings, ToolSettings
from tests.contract.chat_server import ChatServer
from tests.effects import FILE


@pytest.fixture
def effects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the tools leave their lines."""
    monkeypatch.setenv(FILE, str(tmp_path / "effects"))
    return tmp_path / "effects"


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str, model: ChatServer) -> Settings:
    added = "tests.effects:write_note,tests.effects:send_note"
    return Settings(
        home=tmp_path / "home",
        database_url=SecretStr(postgres_url),
        openai_base_url=model.base_url,
        llm=LlmSettings(model="openai:scripted", input_price=1.0, output_price=10.0),
        tools=ToolSettings(enabled=True, added=added),
        limits=LimitSettings(requests_per_address=10**6, guesses_per_address=10**6),
    )
