"""Where the server of a data directory is, for commands on the same machine."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FILE_NAME = "server.json"
CONNECT_SECONDS = 1.0


@contextmanager
def announced(home: Path, listener: socket.socket) -> Iterator[None]:
    """Tell where the server is for as long as it runs; the first of several is the one told of."""
    path = home / FILE_NAME
    if found(home) is None:
        host, port = listener.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
        said = {"host": host, "port": port, "pid": os.getpid()}
        path.write_text(json.dumps(said), "utf-8")
    try:
        yield
    finally:
        if _said(path).get("pid") == os.getpid():
            path.unlink(missing_ok=True)


def found(home: Path) -> str | None:
    """The address of the server that runs on this data directory."""
    said = _said(home / FILE_NAME)
    try:
        host, port = str(said["host"]), int(said["port"])
        with socket.create_connection((host, port), timeout=CONNECT_SECONDS):
            return f"http://{'[' + host + ']' if ':' in host else host}:{port}"
    except (OSError, ValueError, KeyError):
        return None


def _said(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
