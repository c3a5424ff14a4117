"""A start that cannot work says in one sentence why, and what to do about it."""

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.journeys.conftest import Server, citewell, environment, on_small_disk, wait_until

pytestmark = pytest.mark.long

# What libpq sends first when it would rather talk through TLS or GSSAPI.
ENCRYPTION_REQUESTS = frozenset({80877103, 80877104})


def _refused(home: Path, *words: str, before: Sequence[str] = (), **settings: str) -> str:
    """What `serve` said before it ended with status 1."""
    serve = ("serve", "--port", "0", *words)
    done = citewell(home, *serve, seconds=120.0, before=before, **settings)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    said = done.stderr.partition("Error: ")[2].strip().splitlines()
    assert len(said) >= 2, f"No cause and remedy: {done.stderr}"
    return " ".join(said)


def test_a_taken_port_is_named_with_the_way_out(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = _refused(home, "--port", str(port))
    assert f"Port {port}" in said
    assert "--port" in said


def test_a_file_in_the_place_of_the_data_directory_is_named(home: Path) -> None:
    home.write_text("I am a file.", "utf-8")
    said = _refused(home)
    assert str(home) in said
    assert "CITEWELL_HOME" in said


@pytest.mark.parametrize("url", ["nonsense", "mysql://u:p@127.0.0.1/db", "postgresql://[::1"])
def test_a_malformed_database_url_is_refused_at_once(home: Path, url: str) -> None:
    assert "DATABASE_URL" in _refused(home, DATABASE_URL=url)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "seventy"), ("CITEWELL_WORKERS", "-1"), ("CITEWELL_LIMITS__UPLOAD_BYTES", "much")],
)
def test_an_invalid_setting_is_named(home: Path, name: str, value: str) -> None:
    done = citewell(home, "serve", seconds=120.0, **{name: value})
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert name in done.stderr


def test_a_database_that_is_not_there_yet_is_waited_for_and_told(idle: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    idle.settings = {"DATABASE_URL": f"postgresql://nobody:hush-hush@127.0.0.1:{port}/none"}
    idle.launch()
    wait_until(lambda: "database.waiting" in idle.tail(), "a word in the log")
    assert not idle.is_ready()
    assert "hush-hush" not in idle.tail()
    idle.close()


def _refuse_passwords(listener: socket.socket) -> None:
    """A PostgreSQL that asks everybody for a password and accepts none."""
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return  # The test is over.
        with peer:
            peer.settimeout(10)
            while int.from_bytes(peer.recv(1024)[4:8], "big") in ENCRYPTION_REQUESTS:
                peer.sendall(b"N")
            peer.sendall(b"R" + struct.pack("!II", 8, 3))
            peer.recv(1024)
            fields = b'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "u"\0\0'
            peer.sendall(b"E" + struct.pack("!I", len(fields) + 4) + fields)


def test_a_wrong_password_ends_the_start_without_showing_it(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_refuse_passwords, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        said = _refused(home, DATABASE_URL=f"postgresql://u:hush-hush@127.0.0.1:{port}/db")
        listener.shutdown(socket.SHUT_RDWR)
    assert "password" in said
    assert "hush-hush" not in said


@pytest.mark.parametrize("size", ["64k", "8m", "25m"])
def test_a_full_disk_ends_the_start_with_its_cause(home: Path, size: str) -> None:
    home.mkdir()
    said = _refused(home, before=on_small_disk(home, f"size={size},mode=755"))
    assert "full" in said
    assert "Free some space" in said


def test_a_disk_that_may_only_be_read_is_named(home: Path) -> None:
    home.mkdir()
    said = _refused(home, before=on_small_disk(home, "ro"))
    assert f"{home} cannot be written" in said
    assert "CITEWELL_HOME" in said


def test_a_file_that_may_not_grow_ends_the_start_with_one_sentence(home: Path) -> None:
    # A quota of another kind: no file may be larger than this.
    limited = 'ulimit -f 64; trap "" XFSZ; exec "$0" -m citewell.cli.main serve --port 0'
    python = sys.executable
    done = subprocess.run(
        ["bash", "-c", limited, python],
        env=environment(home), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
