"""Questions and passages go to no service that a library would like to tell."""

import socket
from collections.abc import Iterator

import pytest

from tests.journeys.conftest import Server, add, settled


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Where everything would be told."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(False)
        yield made


@pytest.fixture
def surroundings(listener: socket.socket) -> dict[str, str]:
    """The environment of somebody who traces another program."""
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    asked = {"TRACING": "true", "TRACING_V2": "true", "API_KEY": "somebody's", "ENDPOINT": address}
    return {f"{one}_{n}": v for one in ("LANGSMITH", "LANGCHAIN") for n, v in asked.items()}


def test_an_environment_that_asks_for_tracing_sends_nothing_anywhere(
    server: Server, listener: socket.socket
) -> None:
    with server.client() as client:
        added = add(client, "lamp.txt", b"The lighthouse at Cape Ward was built in 1874.\n")
        settled(client, added["id"])
        answer = client.post("/query", json={"input": "When was the lighthouse built?"})
    assert "1874" in answer.json().get("response", ""), answer.text
    # What is still to be sent is sent at the end at the latest.
    server.close()
    with pytest.raises(BlockingIOError):
        listener.accept()
