"""Files on their way in: streamed, bounded, named by anybody, never outside the blob store."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from fastapi import FastAPI
from starlette.types import Message

from citewell.api.app import create_app
from citewell.api.bodies.multipart import read_upload
from citewell.api.limiting.slots import MAX_UPLOADS
from citewell.bootstrap import App
from citewell.config import LimitSettings
from citewell.documents.naming import clean_filename
from tests.api.conftest import shared

URL = "/api/v1/collections/default/documents"
BOUNDARY = "----a-boundary"
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
MIB = 1024 * 1024


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + value + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def files_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_fields_count_before_and_after_the_file(client: httpx.AsyncClient) -> None:
    body = part("title", b"Before") + part("file", b"One.", "a.txt") + part("tags", b"x, y") + END
    reply = await client.post(URL, content=body, headers=FORM)
    assert reply.status_code == 202, reply.text
    document = reply.json()["document"]
    assert (document["title"], document["tags"]) == ("Before", ["x", "y"])


async def test_a_form_is_read_alike_however_it_is_cut(client: httpx.AsyncClient) -> None:
    content = bytes(range(256)) * 3 + b"\r\n--" + BOUNDARY[:-1].encode() + b"\r\n"
    body = part("file", content, "cut.bin") + part("title", "Ünïcode ✓".encode()) + END
    for size in (1, 2, 7, 64, len(body)):

        async def pieces(size: int = size) -> AsyncIterator[bytes]:
            for start in range(0, len(body), size):
                yield body[start : start + size]

        reply = await client.post(URL, content=pieces(), headers=FORM)
        assert reply.status_code == 202, reply.text
        document = reply.json()["document"]
        assert (document["size"], document["title"]) == (len(content), "Ünïcode ✓")


async def test_a_form_that_cannot_be_used_leaves_nothing_behind(
    client: httpx.AsyncClient, app: App
) -> None:
    file = part("file", b"Some text.", "a.txt")
    broken = [
        END,
        b"",
        b"no form at all",
        part("title", b"Only") + END,
        file,
        file[:-5],
        file + part("file", b"Second.", "b.txt") + END,
        file + part("surprise", b"x") + END,
        file + part("on_duplicate", b"sometimes") + END,
        file + part("metadata", b"{") + END,
        file + part("metadata", b"[" * 50_000) + END,
        file + part("title", b"x" * 501) + END,
        file + part("title", b"x" * 200_000) + END,
        b"".join(part(f"f{n}", b"x") for n in range(100)) + file + END,
        b"x" * 500_000 + file + END,
    ]
    for body in broken:
        reply = await client.post(URL, content=body, headers=FORM)
        assert reply.status_code in {413, 422}, (body[:60], reply.text)
    for kind in ("text/plain", "multipart/form-data", "multipart/form-data; boundary=", ""):
        headers = {"content-type": kind}
        reply = await client.post(URL, content=file + END, headers=headers)
        assert reply.status_code in {415, 422}, (kind, reply.text)
    assert (await client.get("/api/v1/documents")).json()["items"] == []
    assert files_under(app.blobs.folder) == []


async def test_a_file_over_the_limit_is_refused_however_it_is_announced(
    client: httpx.AsyncClient, app: App
) -> None:
    limit = app.settings.limits.upload_bytes
    too_big = part("file", b"x" * (limit + 1), "big.txt") + END

    async def chunked() -> AsyncIterator[bytes]:
        for start in range(0, len(too_big), 65536):
            yield too_big[start : start + 65536]

    honest = await client.post(URL, content=too_big, headers=FORM)
    unannounced = await client.post(URL, content=chunked(), headers=FORM)
    lying = FORM | {"content-length": "10"}
    liar = await client.post(URL, content=chunked(), headers=lying)
    boasting = FORM | {"content-length": "9" * 30}
    boaster = await client.post(URL, content=part("file", b"x", "a") + END, headers=boasting)
    for reply in (honest, unannounced, liar, boaster):
        assert reply.status_code == 413, reply.text
    assert files_under(app.blobs.folder) == []


async def test_an_endless_body_is_cut_off(api: FastAPI, app: App) -> None:
    """Without an end and without a length, no more is read than the limit allows."""
    taken = 0
    head = part("file", b"", "endless.txt")[:-2]

    async def receive() -> Message:
        nonlocal taken
        body = b"x" * 65536 if taken else head
        taken += len(body)
        return {"type": "http.request", "body": body, "more_body": True}

    for path, kind, most in (
        (URL, FORM["content-type"], 6 * MIB),
        (URL, "application/json", 2 * MIB),
        ("/query", "application/json", 2 * MIB),
    ):
        taken = 0
        sent: list[Message] = []

        async def send(message: Message, sent: list[Message] = sent) -> None:
            sent.append(message)

        headers = {
            "host": "localhost",
            "authorization": f"Bearer {app.admin_key}",
            "content-type": kind,
        }
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "scheme": "http",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        async with asyncio.timeout(10):
            await api(scope, receive, send)
        assert sent[0]["status"] == 413
        assert taken < most


async def test_fifty_megabytes_pass_through_without_staying_in_memory(app: App) -> None:
    limits = LimitSettings(upload_bytes=60 * MIB)
    settings = app.settings.model_copy(update={"limits": limits})
    api = create_app(settings, app)
    api.state.server.app = app
    object.__setattr__(app.documents, "upload_bytes", 60 * MIB)
    piece = os.urandom(65536)
    size = 50 * MIB
    peak = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal peak
        yield part("file", b"", "big.bin")[:-2]
        for _ in range(size // len(piece)):
            yield piece
            peak = max(peak, resident_bytes())
        yield b"\r\n" + END

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(api), base_url="http://localhost"
    ) as client:
        headers = FORM | {"authorization": f"Bearer {app.admin_key}"}
        await client.get("/api/v1/info", headers=headers)
        before = resident_bytes()
        reply = await client.post(URL, content=body(), headers=headers)
    assert reply.status_code == 202, reply.text
    assert reply.json()["document"]["size"] == size
    grown = (peak - before) / MIB
    print(f"resident memory grew by {grown:.1f} MiB")
    assert grown <= 16


def hostile_names() -> list[str]:
    folder = shared("security/path-traversal")
    lines = [
        line
        for path in sorted(folder.rglob("*.txt"))
        for line in path.read_text("utf-8", "replace").splitlines()
    ]
    names = sorted({line for line in lines if line})
    assert len(names) > 800
    return names


def named_file(name: str, content: bytes) -> bytes:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "")
    return part("file", content, quoted) + END


def is_tame(name: str) -> bool:
    parts = name.split("/")
    return bool(name) and not {"", ".", ".."} & set(parts) and "\\" not in name


async def test_every_hostile_name_becomes_a_tame_one() -> None:
    for name in hostile_names():
        upload = await read_upload(FORM["content-type"], one_piece(named_file(name, b"x")))
        assert b"".join([piece async for piece in upload.pieces]) == b"x"
        assert is_tame(clean_filename(upload.filename)), name


async def one_piece(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def test_what_was_uploaded_comes_back_only_as_an_attachment(
    client: httpx.AsyncClient,
) -> None:
    page = b"<script>alert(1)</script>"
    name = "a/b\r\nSet-Cookie: x=1/evil\u202e.html"
    body = part("file", page, name.replace("\r\n", " ")) + END
    accepted = await client.post(URL, content=body, headers=FORM)
    document = accepted.json()["document"]["id"]
    reply = await client.get(f"/api/v1/documents/{document}/original")
    assert reply.content == page
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["content-disposition"].startswith("attachment;")
    assert "set-cookie" not in reply.headers
    assert reply.headers["content-security-policy"] == "sandbox; default-src 'none'"
    part_of = await client.get(
        f"/api/v1/documents/{document}/original", headers={"range": "bytes=0-" + ",0-" * 500}
    )
    assert part_of.status_code < 500


async def test_beyond_the_slots_an_upload_is_asked_to_come_back(
    client: httpx.AsyncClient, api: FastAPI
) -> None:
    with api.state.server.uploads.hold():
        held = [api.state.server.uploads.hold() for _ in range(MAX_UPLOADS - 1)]
        for one in held:
            one.__enter__()
        reply = await client.post(URL, json={"text": "Text."})
        assert reply.status_code == 503
        assert int(reply.headers["retry-after"]) >= 1
        for one in held:
            one.__exit__(None, None, None)
        assert (await client.post(URL, json={"text": "Text."})).status_code == 202
