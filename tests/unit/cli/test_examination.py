"""The doctor asks each language model for a word, and says what is wrong with one."""

import asyncio

import pytest

from citewell.cli.examination import _finding, _language_models
from citewell.config import read_settings
from tests.contract.chat_server import ChatServer, chat_server, fail, say


def finding(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-12345678")
    settings = read_settings()
    return _finding("language model", lambda: asyncio.run(_language_models(settings)))


def test_the_doctor_asks_every_language_model(monkeypatch: pytest.MonkeyPatch) -> None:
    with chat_server() as server:
        found = finding(server, monkeypatch)
        assert (found["ok"], found["found"]) == (
            True,
            "none; answers are quoted from the documents",
        )
        monkeypatch.setenv("CITEWELL_LLM__MODEL", "openai:a")
        monkeypatch.setenv("CITEWELL_LLM__FALLBACKS", "openai:b")
        server.answer = lambda _: say("Yes.")
        assert "openai:a answers in 0." in str(finding(server, monkeypatch)["found"])
        assert [body["model"] for body in server.requests] == ["a", "b"]
        server.answer = lambda _: fail(401, "Incorrect API key provided: sk-canary-12345678.")
        found = finding(server, monkeypatch)
        assert not found["ok"]
        assert "openai:a answered 401" in str(found["found"])
        assert "key" in str(found["remedy"])
        assert "canary" not in str(found)
