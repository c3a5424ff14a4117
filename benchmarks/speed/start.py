"""Promise P6: ready from nothing, ready again, `citewell --help`; each in its own process."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CITEWELL = Path(sys.executable).with_name("citewell")
WAIT_SECONDS = 60.0


@contextmanager
def serving(home: str | Path) -> Iterator[str]:
    """A server in `home` on a free port, for as long as the context lasts; where it is."""
    environment = {**os.environ, "CITEWELL_HOME": str(home)}
    began = time.perf_counter()
    server = subprocess.Popen(
        [CITEWELL, "serve", "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        address = _address(server)
        while not _is_ready(address):
            if time.perf_counter() - began > WAIT_SECONDS:
                raise SystemExit(f"Not ready after {WAIT_SECONDS:g} s")
            time.sleep(0.02)
        yield address
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=WAIT_SECONDS)


def ready_seconds(home: str) -> float:
    """Start the server in `home`; seconds until `/readyz` says yes; then stop it."""
    began = time.perf_counter()
    with serving(home):
        return time.perf_counter() - began


def help_milliseconds() -> float:
    """One `citewell --help`, whole process."""
    began = time.perf_counter()
    subprocess.run([CITEWELL, "--help"], check=True, capture_output=True)
    return (time.perf_counter() - began) * 1000


def measure(repeats: int = 5) -> dict[str, Any]:
    """Medians over `repeats` runs; the first `--help` warms the file cache and is not counted."""
    first, again = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as home:
            first.append(ready_seconds(home))
            again.append(ready_seconds(home))
    help_milliseconds()
    shown = [help_milliseconds() for _ in range(repeats * 2)]
    return {
        "from_nothing_seconds": round(statistics.median(first), 2),
        "again_seconds": round(statistics.median(again), 2),
        "help_milliseconds": round(statistics.median(shown)),
        "reach": {"from_nothing_seconds": 10, "again_seconds": 3, "help_milliseconds": 300},
    }


def _address(server: "subprocess.Popen[str]") -> str:
    assert server.stdout is not None
    for line in server.stdout:
        for word in line.split():
            if word.startswith("http://"):
                return "/".join(word.split("/")[:3])
    raise SystemExit("The server ended before it printed its address.")


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=1) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
