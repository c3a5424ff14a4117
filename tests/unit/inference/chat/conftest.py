"""A scripted model for one test."""

from collections.abc import Iterator

import pytest

from tests.contract.chat_server import ChatServer, chat_server


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


@pytest.fixture
def second() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running
