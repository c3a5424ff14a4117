"""S7: files pass through the real server and stay in no memory, whatever is said of them."""

import hashlib
import os
import random
import select
import shutil
import socket
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.test_uploads import END, FORM, URL, files_under, part
from tests.conftest import Counted, PostgresServer
from tests.journeys.conftest import Server, wait_until
from tests.security.conftest import serving
from tests.security.test_wire import exchanged, replies_in

MB = 1_000_000
SIZE, STORM_SIZE = 128 * MB, 500 * MB
MOST_GROWN = 64 * MB
HEAD = part("file", b"", "large.bin")[:-2]


@pytest.fixture(scope="module")
def size(storm: bool) -> int:
    return STORM_SIZE if storm else SIZE


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, size: int
) -> Iterator[Server]:
    """A server that takes files of that size."""
    folder = tmp_path_factory.mktemp("large")
    with serving(folder, postgres_server, CITEWELL_LIMITS__UPLOAD_BYTES=str(size)) as made:
        yield made
    shutil.rmtree(folder)


@pytest.fixture
def before(server: Server) -> tuple[int, set[Path]]:
    """How many documents and which blobs there are."""
    return documents(server), set(files_under(server.home / "blobs"))


def documents(server: Server) -> int:
    with server.client() as client:
        return len(client.get("/api/v1/documents").json()["items"])


def check_nothing_came(server: Server, before: tuple[int, set[Path]]) -> None:
    count, blobs = before
    assert documents(server) == count
    folder = server.home / "blobs"
    wait_until(lambda: set(files_under(folder)) == blobs, "an end of what was incoming")


class Watched:
    """How much more memory a process has held at most since it was watched."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")
        # Linux forgets the peak, and begins anew with what is held now.
        (self._folder / "clear_refs").write_text("5", "ascii")
        self._before = self._bytes("VmRSS")

    def grown(self) -> int:
        return self._bytes("VmHWM") - self._before

    def _bytes(self, name: str) -> int:
        lines = (self._folder / "status").read_text("ascii").splitlines()
        (line,) = (line for line in lines if line.startswith(f"{name}:"))
        return int(line.split()[1]) * 1024


def content(size: int, seed: int) -> Iterator[bytes]:
    """No text, and no two files alike."""
    piece = b"\x00" + random.Random(seed).randbytes(MB - 1)
    for number in range(size // MB):
        yield number.to_bytes(8, "big") + piece[8:]


def form(size: int, seed: int) -> Iterator[bytes]:
    yield HEAD
    yield from content(size, seed)
    yield b"\r\n" + END


def test_a_large_file_goes_in_and_out_without_staying_in_memory(
    server: Server, size: int, seed: int, record_property: Counted
) -> None:
    announced = {"content-length": str(len(HEAD) + size + 2 + len(END))}
    record_property("MB each way", size // MB)
    watched = Watched(server.running.pid)
    for number, length in enumerate((announced, {})):
        with server.client() as client:
            body = form(size, seed + number)
            reply = client.post(URL, content=body, headers=FORM | length)
            assert reply.status_code == 202, reply.text
            document = reply.json()["document"]
            assert document["size"] == size
            address = f"/api/v1/documents/{document['id']}/original"
            assert fetched(client, address) == digest(content(size, seed + number))
        way = "announced" if length else "chunked"
        record_property(f"MB of memory more, {way}", watched.grown() // MB)
        print(f"{size // MB} MB, {way}: {watched.grown() / MB:.1f} MB of memory")
        assert watched.grown() <= MOST_GROWN


def fetched(client: httpx.Client, address: str) -> bytes:
    with client.stream("GET", address) as original:
        return digest(original.iter_raw())


def digest(pieces: Iterable[bytes]) -> bytes:
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.digest()


def request(server: Server, *lines: str) -> bytes:
    """The head of an upload; `lines` say what of its length."""
    said = (
        f"POST {URL} HTTP/1.1",
        f"Host: {urlsplit(server.address).netloc}",
        f"Authorization: Bearer {server.key}",
        f"Content-Type: {FORM['content-type']}",
        *lines,
        "\r\n",
    )
    return "\r\n".join(said).encode()


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def test_a_body_that_lies_about_its_length_leaves_nothing(
    server: Server, before: tuple[int, set[Path]]
) -> None:
    whole = part("file", b"Some text.", "a.txt") + END
    # The form ends before its end; what comes behind is the next request, and none.
    shorter = exchanged(server, request(server, f"Content-Length: {len(whole) - 9}") + whole)
    assert [status for status, _ in replies_in(shorter)] in ([422], [422, 400])
    # Whoever goes away early gets no answer.
    chunked = request(server, "Transfer-Encoding: chunked")
    for early in (
        request(server, f"Content-Length: {len(whole) * 9}") + whole,
        request(server, f"Content-Length: {len(whole)}") + whole[:-5],
        chunked + chunk(whole),
        chunked + chunk(whole)[:-7],
    ):
        place = urlsplit(server.address)
        with closing(socket.create_connection((place.hostname, place.port), 10)) as connection:
            connection.sendall(early)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(30)
            received = connection.recv(65536)
        assert b" 202 " not in received.split(b"\r\n")[0], received
    check_nothing_came(server, before)


def test_a_body_without_an_end_is_refused_at_the_limit(
    server: Server, size: int, before: tuple[int, set[Path]]
) -> None:
    piece = chunk(bytes(MB))
    place = urlsplit(server.address)
    sent = 0
    with closing(socket.create_connection((place.hostname, place.port), 10)) as connection:
        connection.settimeout(60)
        connection.sendall(request(server, "Transfer-Encoding: chunked") + chunk(HEAD))
        watched = Watched(server.running.pid)
        while not select.select([connection], [], [], 0)[0]:
            connection.sendall(piece)
            sent += MB
            assert sent < 2 * size, "Nobody counts what comes in."
        ((status, _),) = replies_in(connection.recv(65536))
    assert status == 413
    assert sent > size
    assert watched.grown() <= MOST_GROWN
    check_nothing_came(server, before)


def test_whoever_holds_a_file_in_memory_is_seen() -> None:
    watched = Watched(os.getpid())
    held = bytearray(2 * MOST_GROWN)
    del held
    assert watched.grown() > MOST_GROWN
