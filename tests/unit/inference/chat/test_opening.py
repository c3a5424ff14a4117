"""A model is named by one setting; what is missing for it is said with the remedy."""

import sys
from decimal import Decimal

import pytest
from langchain.chat_models import base
from langchain_core.messages import HumanMessage

from citewell.domain.errors import StartError
from citewell.inference.chat.opening import Named, Terms, open_model
from citewell.inference.chat.prices import Tokens, estimate, listed
from citewell.inference.chat.providers import WIRINGS
from tests.contract.chat_server import ChatServer, say

OPENAI_URL = "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("openai:gpt-4o-mini", Named("openai", "gpt-4o-mini")),
        (" ollama:llama3.1:8b ", Named("ollama", "llama3.1:8b")),
        ("openai:a/b@https://host/v1", Named("openai", "a/b", "https://host/v1")),
        ("openai:m@http://10.0.0.7:8000/v1", Named("openai", "m", "http://10.0.0.7:8000/v1")),
        ("google_vertexai:claude@2024", Named("google_vertexai", "claude@2024")),
    ],
)
def test_a_name_is_provider_model_and_perhaps_a_server(text: str, read: Named) -> None:
    assert Named.read(text) == read


@pytest.mark.parametrize("text", ["gpt-4o-mini", "openai:", ":m", "open ai:m"])
def test_another_name_stops_the_start_with_an_example(text: str) -> None:
    with pytest.raises(StartError, match="cannot be read") as caught:
        Named.read(text)
    assert "CITEWELL_LLM__MODEL" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "said", "remedy"),
    [
        ("openai:gpt-4o-mini", "needs a key", "OPENAI_API_KEY"),
        ("nobody:m", "cannot be used", "CITEWELL_LLM__MODEL"),
        ("xai:grok-4", "not installed", "pip install langchain-xai"),
        ("openai:m@http://user:pw@host/v1", "address is not a plain", "provider:model"),
    ],
)
async def test_what_is_missing_is_named_with_its_remedy(name: str, said: str, remedy: str) -> None:
    with pytest.raises(StartError, match=said) as caught:
        await open_model(name, Terms(OPENAI_URL))
    assert remedy in caught.value.hint


async def test_a_provider_that_is_an_extra_is_named_as_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "langchain_anthropic", None)
    # Another test may have imported it.
    base._get_chat_model_creator.cache_clear()
    with pytest.raises(StartError) as caught:
        await open_model("anthropic:claude-sonnet-4-5", Terms(OPENAI_URL))
    assert "pip install 'citewell[anthropic]'" in caught.value.hint


async def test_the_key_of_openai_goes_to_no_other_server(server: ChatServer) -> None:
    server.answer = lambda _: say("Yes.")
    terms = Terms("https://api.openai.com/v1", openai_key="sk-openai")
    model = await open_model(f"openai:m@{server.base_url}", terms)
    async for _ in model.stream([HumanMessage("Is it?")]):
        pass
    await model.close()
    assert [one.headers["authorization"] for one in server.heard] == ["Bearer none"]


async def test_nothing_of_the_environment_leads_elsewhere(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "OPENAI_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_API_BASE", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://127.0.0.1:9")
    server.answer = lambda _: say("Yes.")
    model = await open_model("openai:m", Terms(server.base_url))
    async for _ in model.stream([HumanMessage("Is it?")]):
        pass
    await model.close()
    assert len(server.requests) == 1


def test_prices_are_on_the_list_that_is_installed() -> None:
    price = listed("openai", "gpt-4o-mini")
    assert price.of(Tokens(1_000_000, 1_000_000)) == Decimal("0.75")
    cached = price.of(Tokens(1_000_000, 0, cached=1_000_000))
    assert cached is not None
    assert cached < Decimal("0.15")
    assert listed("openai", "no-such-model").of(Tokens(1, 1)) is None
    assert listed("no-such-provider", "gpt-4o-mini").of(Tokens(1, 1)) is None
    # A server of one's own may call its model as it likes.
    assert listed("openai", "gpt-4o-mini", "http://10.0.0.7/v1").of(Tokens(1, 1)) is None


def test_an_estimate_is_rather_too_high_in_every_script() -> None:
    # Tokens of o200k, counted once.
    for text, tokens in (
        ("The quick brown fox jumps over the lazy dog. " * 10, 100),
        ("木" * 100, 100),
    ):
        assert tokens <= estimate([HumanMessage(text)]) <= 3 * tokens


def test_every_wired_provider_has_an_address_of_its_own() -> None:
    assert all(one.default_address for one in WIRINGS.values())
