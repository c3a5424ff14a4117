"""An internet for a test."""

from collections.abc import AsyncIterator

import pytest

from tests.security.egress.internet import PUBLIC, Internet, small_internet


@pytest.fixture
async def internet() -> AsyncIterator[Internet]:
    """With one good name."""
    async with small_internet() as running:
        running.names["good.example"] = [[PUBLIC]]
        yield running
