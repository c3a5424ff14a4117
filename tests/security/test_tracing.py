"""Questions and passages go to no service that a library would like to tell."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.conftest import Server, add, settled


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Where everything would be told."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(False)
        yield made


@pytest.fixture
def traced(
    home: Path, tmp_path: Path, postgres_url: str, listener: socket.socket
) -> Iterator[Server]:
    """A server in the environment of somebody who traces another program."""
    settings = {"DATABASE_URL": postgres_url}
    for prefix in ("LANGSMITH", "LANGCHAIN"):
        settings |= {
            f"{prefix}_TRACING": "true",
            f"{prefix}_TRACING_V2": "true",
            f"{prefix}_API_KEY": "somebody's",
            f"{prefix}_ENDPOINT": f"http://127.0.0.1:{listener.getsockname()[1]}",
        }
    made = Server(home, tmp_path / "server.log", settings)
    made.start()
    yield made
    made.close()


def test_an_environment_that_asks_for_tracing_sends_nothing_anywhere(
    traced: Server, listener: socket.socket
) -> None:
    with traced.client() as client:
        added = add(client, "lamp.txt", b"The lighthouse at Cape Ward was built in 1874.\n")
        settled(client, added["id"])
        answer = client.post("/query", json={"input": "When was the lighthouse built?"})
    assert "1874" in answer.json().get("response", ""), answer.text
    # What is still to be sent is sent at the end at the latest.
    traced.close()
    with pytest.raises(BlockingIOError):
        listener.accept()
