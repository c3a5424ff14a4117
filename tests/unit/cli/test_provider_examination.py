"""The doctor asks the provider of sign-ins who it is, and says what does not fit."""

import asyncio
import socket

import pytest

from citewell.cli.examination import _finding, _provider
from citewell.config import read_settings
from tests.api.oidc_provider import CLIENT, SECRET, ProviderAtTest, running


async def finding(monkeypatch: pytest.MonkeyPatch, issuer: str) -> dict[str, object]:
    """What the doctor says of a configured provider, asked as the command asks."""
    for name, value in {
        "ISSUER": issuer,
        "CLIENT_ID": CLIENT,
        "CLIENT_SECRET": SECRET,
        "PUBLIC_URL": "http://localhost",
    }.items():
        monkeypatch.setenv(f"CITEWELL_OIDC__{name}", value)
    settings = read_settings()
    return await asyncio.to_thread(
        _finding, "sign-in provider", lambda: asyncio.run(_provider(settings))
    )


async def test_a_provider_that_answers_as_it_is_configured_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(ProviderAtTest()) as provider:
        found = await finding(monkeypatch, provider.issuer)
    assert (found["ok"], found["found"]) == (True, f"{provider.issuer} answers")
    assert provider.asked == {"description": 1}


async def test_a_provider_that_is_another_than_it_should_be_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(ProviderAtTest()) as provider:
        provider.about = {"issuer": "https://login.example.org"}
        found = await finding(monkeypatch, provider.issuer)
        assert not found["ok"]
        assert "issuer" in f"{found['found']} {found['remedy']}".lower()
        provider.about = {"token_endpoint": None}
        found = await finding(monkeypatch, provider.issuer)
        assert not found["ok"]
        assert found["remedy"]
        assert SECRET not in str(found)


async def test_a_provider_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = await finding(monkeypatch, f"http://127.0.0.1:{port}")
    assert not found["ok"]
    assert "not there" in str(found["found"])
    assert found["remedy"]


async def test_a_secret_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEWELL_OIDC__ISSUER", "https://login.example.org")
    monkeypatch.setenv("CITEWELL_OIDC__CLIENT_ID", CLIENT)
    monkeypatch.setenv("CITEWELL_OIDC__PUBLIC_URL", "http://localhost")
    monkeypatch.setenv("CITEWELL_OIDC__CLIENT_SECRET_FILE", "/nowhere/secret")
    settings = read_settings()
    found = await asyncio.to_thread(
        _finding, "sign-in provider", lambda: asyncio.run(_provider(settings))
    )
    assert not found["ok"]
    assert "/nowhere/secret" in f"{found['found']} {found['remedy']}"


async def test_none_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings()
    found = await asyncio.to_thread(
        _finding, "sign-in provider", lambda: asyncio.run(_provider(settings))
    )
    assert (found["ok"], found["found"]) == (True, "none")
