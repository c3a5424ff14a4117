"""The application in this process, as tests/api has it, with people who may sign in to it."""

import httpx
import pytest

from citewell.bootstrap import App
from tests.api.conftest import anonymous, api, app, client, contract, embedder, settings

__all__ = ["anonymous", "api", "app", "client", "contract", "embedder", "settings"]


@pytest.fixture
async def door(app: App, anonymous: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client without a credential, of an application with keys to sign tokens with."""
    await app.accounts.ring.ensure()
    return anonymous
