"""Bytes on a real connection: what is sent wrongly, slowly or without end, and what comes back."""

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from urllib.parse import urlsplit

import httpx
import pytest

from citewell.api.middleware import HEADERS
from tests.journeys.conftest import Server, add

pytestmark = pytest.mark.long

KINDS = {name: value for name, value in HEADERS.items() if name != "cache-control"}
SECONDS = 30.0
CONFLICTS = [
    b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 44\r\n\r\n0\r\n\r\n",
    b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    b"Content-Length: 4, 5\r\n\r\nabcde",
    b"Content-Length: +4\r\n\r\nabcd",
    b"Content-Length: -1\r\n\r\n",
    b"Content-Length: 0x4\r\n\r\nabcd",
    b"Content-Length: 4\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n4;" + b"x" * 70_000 + b"\r\nabcd\r\n0\r\n\r\n",
    b"Content-Length: 4\r\n X-Folded: a\r\n\r\nabcd",
    b"X\x00: a\r\n\r\n",
    b"X: a\x00b\r\n\r\n",
    b"X: a\nTransfer-Encoding: chunked\r\n\r\n",
    b"X" * 70_000 + b": a\r\n\r\n",
    b"X: " + b"a" * 200_000 + b"\r\n\r\n",
    b"".join(b"X-%d: a\r\n" % number for number in range(10_000)) + b"\r\n",
]
STARTS = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
    b"GET http://evil/ HTTP/1.1\r\nHost: evil\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\r\n" * 50_000,
]


def exchanged(server: Server, sent: bytes, *, seconds: float = SECONDS) -> bytes:
    """Everything that comes back on one connection until the server ends it."""
    place = urlsplit(server.address)
    with closing(socket.create_connection((place.hostname, place.port), 10)) as connection:
        connection.settimeout(seconds)
        received = bytearray()
        try:
            connection.sendall(sent)
            while piece := connection.recv(65536):
                received += piece
        except ConnectionError:
            # The server has closed with bytes of ours unread.
            return bytes(received)
        return bytes(received)


def replies_in(received: bytes) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Status and headers of every reply in what was received."""
    for part in received.split(b"HTTP/1.1 ")[1:]:
        head = part.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in head[1:])
        yield int(head[0][:3]), {name.lower(): value.strip() for name, _, value in pairs}


def check_headers(headers: Mapping[str, str], what: object) -> None:
    for name in HEADERS:
        assert name in headers, (what, name)
    assert headers["x-content-type-options"] == "nosniff", what
    assert headers["referrer-policy"] == "no-referrer", what
    assert "default-src 'none'" in headers["content-security-policy"], what
    assert headers["cross-origin-opener-policy"] == "same-origin", what
    assert headers["cross-origin-resource-policy"] == "same-origin", what


def test_a_request_that_frames_its_body_ambiguously_gets_one_refusal_and_an_end(
    server: Server,
) -> None:
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for conflict in CONFLICTS:
        head = b"POST /query HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        received = exchanged(server, head + conflict + smuggled)
        replies = list(replies_in(received))
        assert len(replies) <= 1, (conflict[:60], received)
        for status, headers in replies:
            assert 400 <= status < 500, (conflict[:60], received)
            check_headers(headers, conflict[:60])
    assert server.is_ready()


def test_what_is_no_request_is_refused_with_the_headers_of_every_reply(server: Server) -> None:
    for start in STARTS:
        received = exchanged(server, start + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        for status, headers in replies_in(received):
            assert status < 500, (start[:40], received)
            check_headers(headers, start[:40])
    assert server.is_ready()


def test_a_handshake_that_is_too_large_is_answered_and_ends(server: Server) -> None:
    upgrade = (
        b"Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    many = b"".join(b"X-%d: 1\r\n" % n for n in range(150))
    for target, more in (
        (b"/ws?ticket=" + b"x" * 9000, b""),
        (b"/ws", b"X: " + b"x" * 9000 + b"\r\n"),
        (b"/ws", many),
        (b"/ws?ticket=" + b"x" * 60_000, b""),
    ):
        received = exchanged(server, b"GET " + target + b" HTTP/1.1\r\n" + upgrade + more + b"\r\n")
        ((status, headers),) = replies_in(received)
        assert status == 400, received[:200]
        check_headers(headers, more[:40])
    assert server.is_ready()


REQUESTS = [
    ("GET", "/", 200), ("GET", "/ui/app.js", 200), ("GET", "/ui/style.css", 200),
    ("GET", "/livez", 200), ("GET", "/openapi.json", 200), ("GET", "/metrics", 200),
    ("HEAD", "/", 200), ("GET", "/nothing", 404), ("GET", "/ui/nothing.js", 404),
    ("DELETE", "/query", 405), ("OPTIONS", "/query", 405), ("TRACE", "/", 405),
    ("GET", "/api/v1/documents?limit=0", 422), ("GET", "/api/v1/documents?x=1", 422),
    ("POST", "/query", 415), ("GET", "/signin?code=wrong", 401), ("POST", "/signout", 204),
]  # fmt: skip


def test_every_kind_of_reply_has_every_header(server: Server) -> None:
    with server.client() as client:
        for method, path, status in REQUESTS:
            reply = client.request(method, path)
            assert reply.status_code == status, (method, path, reply.text)
            check_headers(reply.headers, (method, path))
            expected = "no-cache" if path == "/" or path.startswith("/ui/") else "no-store"
            if reply.is_success:
                assert reply.headers["cache-control"] == expected, path
        document = add(client, "page.html", b"<script>alert(1)</script><p>The lamp burns.")["id"]
        asked = client.post("/query", json={"input": "What burns?"})
        others = [
            asked,
            client.get(f"/api/v1/documents/{document}/original"),
            client.get(f"/api/v1/runs/{asked.json()['run_id']}/events"),
            client.post("/query", content=b"x" * 1_000_001, headers=JSON),
            client.get("/livez", headers={"host": "evil.example"}),
            httpx.get(f"{server.address}/api/v1/info", trust_env=False),
        ]
        assert [one.status_code for one in others] == [200, 200, 200, 413, 421, 401]
        for reply in others:
            check_headers(reply.headers, reply.url)
        original = others[1].headers
    assert original["content-disposition"].startswith("attachment")
    assert "sandbox" in original["content-security-policy"]
    assert original["content-type"] == "application/octet-stream"


JSON = {"content-type": "application/json"}


def test_only_a_page_may_run_scripts_and_only_its_own(server: Server) -> None:
    with server.client() as client:
        policy = client.get("/").headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert "unsafe" not in policy
    assert "http" not in policy


def test_many_ranges_cost_no_more_than_one(server: Server) -> None:
    content = b"x" * 200_000
    with server.client() as client:
        document = add(client, "big.txt", content)["id"]
        address = f"/api/v1/documents/{document}/original"
        bombs = [
            "bytes=" + ",".join(f"{at}-" for at in range(5000)),
            "bytes=" + ",".join(["0-"] * 5000),
            "bytes=0-0,-1" * 100, "bytes=-0", "bytes=5-1", "bytes=999999999-",
            "bytes=" + "9" * 5000, "bytes=--1", "lines=0-1", "bytes=" + "0-0," * 10_000,
        ]  # fmt: skip
        for bomb in bombs:
            reply = client.get(address, headers={"range": bomb})
            assert reply.status_code in {200, 206, 400, 416}, (bomb[:40], reply.status_code)
            assert len(reply.content) <= 2 * len(content), bomb[:40]
        assert client.get(address, headers={"range": "bytes=0-9"}).content == content[:10]


def test_a_hundred_thousand_fields_are_refused_early(server: Server) -> None:
    part = b'--B\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nv\r\n'
    many = b"".join(part % number for number in range(100_000)) + b"--B--\r\n"
    with server.client() as client:
        address = "/api/v1/collections/default/documents"
        reply = client.post(
            address, content=many, headers={"content-type": "multipart/form-data; boundary=B"}
        )
        assert reply.status_code == 413
        pairs = "&".join(f"f{number}=v" for number in range(100_000))
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert client.post(address, content=pairs, headers=form).status_code == 415
        assert client.post("/query", content=pairs, headers=form).status_code in {413, 415}
        names = ", ".join(f'n{number}="v"' for number in range(5000))
        head = f'--B\r\nContent-Disposition: form-data; {names}; name="file"\r\n\r\nx\r\n--B--\r\n'
        bomb = client.post(
            address, content=head, headers={"content-type": "multipart/form-data; boundary=B"}
        )
        assert bomb.status_code in {202, 413, 422}


async def test_whoever_sends_slowly_is_let_go_and_keeps_nobody_waiting(
    server: Server,
) -> None:
    place = urlsplit(server.address)
    head = f"POST /query HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.key}\r\n"
    body = head + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    slow = [await asyncio.open_connection(place.hostname, place.port) for _ in range(200)]
    for number, (_, writer) in enumerate(slow):
        writer.write((head if number % 2 else body).encode())
        await writer.drain()
    async with httpx.AsyncClient(base_url=server.address, trust_env=False) as client:
        assert (await client.get("/livez", timeout=SECONDS)).status_code == 200
    async with asyncio.timeout(60):
        ends = await asyncio.gather(*(reader.read() for reader, _ in slow))
    for _, writer in slow:
        writer.close()
    assert {end.partition(b"\r\n")[0][:12] for end in ends[::2]} == {b"HTTP/1.1 504"}
    assert set(ends[1::2]) == {b""}
