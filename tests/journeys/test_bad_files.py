"""Files that cannot be read are kept, told why, and disturb nothing else."""

import io
import json
import socket
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.conftest import Server, add, on_small_disk, settled, shared

pytestmark = pytest.mark.long

LIMIT = 3_000_000
GOOD = b"The lighthouse at Cape Ward was built in 1874.\n"


@pytest.fixture
def small(idle: Server) -> Server:
    """A server that takes files of up to `LIMIT` bytes."""
    idle.settings = {"CITEWELL_LIMITS__UPLOAD_BYTES": str(LIMIT)}
    idle.start()
    return idle


# What the reason must name, so that its reader knows what to do.
REASONS = {
    "empty.txt": "empty",
    "spaces.txt": "no text",
    "locked.pdf": "password",
    "truncated.pdf": "damaged",
    "truncated.docx": "broken",
    "bomb.docx": "not opened",
    "unknown.bin": "unknown kind",
    "picture.png": "PNG image",
    "files.zip": "ZIP archive",
    "named-like.pdf": "does not begin like one",
    "noise.txt": "no text in any known encoding",
}


def _bad_files(folder: Path) -> dict[str, Path]:
    locked = "docs/pdf/005-libreoffice-writer-password/libreoffice-writer-password.pdf"
    contents = {
        "empty.txt": b"",
        "spaces.txt": b" \n\t \n" * 50,
        "locked.pdf": shared(locked).read_bytes(),
        "truncated.pdf": shared("docs/pdf/fake-memo.pdf").read_bytes()[:2000],
        "truncated.docx": shared("docs/office/test.docx").read_bytes()[:4000],
        "bomb.docx": _bomb(),
        "unknown.bin": bytes(range(256)) * 40,
        "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "files.zip": _zipped({"a.txt": b"words"}),
        "named-like.pdf": bytes(range(256)) * 41,
        "noise.txt": bytes(range(256)) * 42,
    }
    assert contents.keys() == REASONS.keys()
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in contents}


def _bomb() -> bytes:
    return _zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"\0" * 400_000_000})


def _zipped(entries: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_each_bad_file_says_why_and_the_good_one_beside_them_is_read(
    small: Server, tmp_path: Path
) -> None:
    bad = _bad_files(tmp_path / "bad")
    (tmp_path / "bad" / "good.txt").write_bytes(GOOD)
    done = small.cli("--json", "docs", "add", str(tmp_path / "bad"))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    rows = {Path(row["filename"]).name: row for row in json.loads(done.stdout)}
    assert rows["good.txt"]["status"] == "ready"
    assert f"1 added, {len(bad)} failed." in done.stderr
    for name, path in bad.items():
        assert rows[name]["status"] == "failed", rows[name]
        assert REASONS[name] in rows[name]["reason"], rows[name]
        assert f"{name}: {rows[name]['reason']}" in done.stderr
        _assert_kept(small, rows[name], path.read_bytes())
    _assert_still_answers(small)
    small.close()


def test_a_file_of_another_kind_than_its_name_says_is_read_for_what_it_is(small: Server) -> None:
    texts = {
        "memo.txt": (shared("docs/pdf/fake-memo.pdf").read_bytes(), "20,000 bottles of water"),
        "table.pdf": (shared("docs/office/test.xlsx").read_bytes(), "| Alpha | Beta |"),
        "latin.txt": ("Café crème coûte trois francs.".encode("cp1252"), "Café crème coûte"),
        "wide.txt": ("Grüße aus Köln, 日本.".encode("utf-16"), "Grüße aus Köln, 日本."),
        "kanji.csv": ("名前,年齢\n佐藤太郎,30\n".encode("cp932"), "佐藤太郎"),
        "no-extension": (GOOD, "lighthouse"),
    }
    with small.client() as client:
        sent = {name: add(client, name, content) for name, (content, _) in texts.items()}
        for name, document in sent.items():
            shown = settled(client, document["id"])
            assert shown["status"] == "ready", shown
            text = client.get(f"/api/v1/documents/{document['id']}/text").json()["text"]
            assert texts[name][1] in text
        warned = client.get(f"/api/v1/documents/{sent['memo.txt']['id']}").json()["warnings"]
        assert "its content is PDF" in warned[0]
    small.close()


def test_a_file_that_is_there_already_is_told_and_not_kept_twice(
    small: Server, tmp_path: Path
) -> None:
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_bytes(GOOD)
    names = (str(tmp_path / "one.txt"), str(tmp_path / "two.txt"))
    done = small.cli("docs", "add", *names)
    assert done.returncode == 0, done.stderr
    assert "1 added, 1 known already" in done.stderr
    again = small.cli("docs", "add", *names)
    assert again.returncode == 0
    assert "2 known already" in again.stderr
    with small.client() as client:
        assert len(client.get("/api/v1/documents").json()["items"]) == 1
    assert len([p for p in (small.home / "blobs").rglob("*") if p.is_file()]) == 1
    small.close()


def test_a_full_disk_refuses_files_and_nothing_else(idle: Server) -> None:
    blobs = idle.home / "blobs"
    blobs.mkdir(parents=True)
    idle.before = on_small_disk(blobs, "size=256k")
    idle.start()
    with idle.client() as client:
        first = add(client, "good.txt", GOOD)
        assert settled(client, first["id"])["status"] == "ready"
        path = "/api/v1/collections/default/documents"
        reply = client.post(path, files={"file": ("big.txt", b"Big words. " * 50_000)})
        assert reply.status_code == 503, reply.text
        assert reply.headers["retry-after"]
        problem = reply.json()
        assert "disk is full" in problem["detail"]
        assert "Free some space" in problem["hint"]
        # Nothing of it is left, so that what fits is taken at once.
        second = add(client, "small.txt", b"The horn sounds twice a minute.\n" * 100)
        assert settled(client, second["id"])["status"] == "ready"
        assert len(client.get("/api/v1/documents").json()["items"]) == 2
    _assert_still_answers(idle)
    idle.close()


def test_a_file_over_the_limit_is_refused_and_leaves_nothing(small: Server, tmp_path: Path) -> None:
    huge = tmp_path / "huge.txt"
    with huge.open("wb") as file:
        file.truncate(500_000_000)
    done = small.cli("docs", "add", str(huge))
    assert done.returncode == 3
    assert "huge.txt" in done.stderr
    assert "at most" in done.stderr or "larger" in done.stderr or "limit" in done.stderr
    with small.client() as client:
        assert client.get("/api/v1/documents").json()["items"] == []
    assert [p for p in (small.home / "blobs").rglob("*") if p.is_file()] == []
    small.close()


def test_an_upload_that_never_ends_is_cut_off_at_the_limit(small: Server) -> None:
    host, port = small.address.removeprefix("http://").split(":")
    head = (
        "POST /api/v1/collections/default/documents HTTP/1.1\r\n"
        f"Host: {host}:{port}\r\nAuthorization: Bearer {small.key}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    with socket.create_connection((host, int(port)), timeout=20) as peer:
        peer.sendall(head.encode() + b"%x\r\n%b\r\n" % (len(part), part))
        sent, reply = _pour(peer)
    assert sent < 4 * (LIMIT + 2_000_000), "The server went on reading."
    assert b" 413 " in reply.split(b"\r\n")[0], reply[:200]
    _assert_still_answers_anything(small)
    small.close()


def test_a_name_that_climbs_out_of_its_folder_stays_inside(small: Server) -> None:
    with small.client() as client:
        document = add(client, "../../../etc/cron.d/evil.txt", GOOD)
        again = add(client, "copy.txt", GOOD)
        assert ".." not in document["filename"]
        assert again["id"] == document["id"], "The same content was stored twice."
        assert settled(client, document["id"])["status"] == "ready"
        assert client.get("/api/v1/documents").json()["items"][0]["id"] == document["id"]
    assert not (small.home.parent / "etc").exists()
    small.close()


def _pour(peer: socket.socket) -> tuple[int, bytes]:
    piece = b"a" * 65536
    sent = 0
    try:
        while sent < 40_000_000:
            peer.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            sent += len(piece)
            peer.setblocking(False)
            try:
                if early := peer.recv(65536):
                    return sent, early
            except BlockingIOError:
                pass
            finally:
                peer.settimeout(20)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return sent, peer.recv(65536)


def _assert_kept(server: Server, row: dict[str, Any], content: bytes) -> None:
    with server.client() as client:
        reply = client.get(f"/api/v1/documents/{row['id']}/original")
    assert reply.content == content


def _assert_still_answers(server: Server) -> None:
    with server.client() as client:
        answer = client.post("/query", json={"input": "When was the lighthouse built?"}).json()
    assert "1874" in answer["response"]


def _assert_still_answers_anything(server: Server) -> None:
    with server.client() as client:
        assert client.get("/api/v1/documents").json()["items"] == []
