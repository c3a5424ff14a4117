"""Commands find the server that runs on their data directory, and no other."""

import json
import socket
from pathlib import Path

import pytest

from citewell.cli.running.announcing import FILE_NAME, announced, found


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def address(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_server_is_found_for_as_long_as_it_runs(tmp_path: Path) -> None:
    assert found(tmp_path) is None
    with listening() as listener, announced(tmp_path, listener):
        assert found(tmp_path) == address(listener)
    assert found(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_second_server_neither_replaces_nor_removes_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as first, announced(tmp_path, first):
        monkeypatch.setattr("os.getpid", lambda: 1)
        with listening() as second, announced(tmp_path, second):
            assert found(tmp_path) == address(first)
        assert found(tmp_path) == address(first)
        monkeypatch.undo()


@pytest.mark.parametrize(
    "said", ["", "{", "[]", '{"host": "127.0.0.1"}', '{"host": 1, "port": "x"}']
)
def test_what_a_dead_server_left_behind_is_replaced(said: str, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(said, "utf-8")
    assert found(tmp_path) is None
    with listening() as listener, announced(tmp_path, listener):
        assert found(tmp_path) == address(listener)
    with listening() as gone:
        port = gone.getsockname()[1]
    (tmp_path / FILE_NAME).write_text(json.dumps({"host": "127.0.0.1", "port": port}), "utf-8")
    assert found(tmp_path) is None
