"""No request keeps the loop from everybody else: its whole share of the processor is small."""

import gc
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

# Of processor time of the loop's thread, so that a busy machine changes nothing. All of a request
# is an upper bound of each of its steps.
MOST_SECONDS = 0.2
DOCUMENTS = "/api/v1/collections/default/documents"
JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=B"}
MB = 1_000_000
MANY_PARTS = b"".join(
    b'--B\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nv\r\n' % number
    for number in range(15_000)
)
HOSTILE: list[tuple[str, Any, dict[str, str]]] = [
    ("/query", b"[" * (MB - 1), JSON),
    ("/query", b'{"input":' * 100_000, JSON),
    ("/query", b'{"input": ' + b"9" * (MB - 20) + b"}", JSON),
    ("/query", b'{"input": 1' + b"0" * 400 + b"}", JSON),
    ("/query", b'{"input": 1e400, "a": -1e400, "b": NaN}', JSON),
    ("/query", b"{" + b'"a": 1, ' * 120_000 + b'"a": 1}', JSON),
    ("/query", b'{"input": "' + b"\\u0061" * 160_000 + b'"}', JSON),
    ("/query", b'{"input": "' + b"\\ud800" * 160_000 + b'"}', JSON),
    ("/query", b'{"input": "' + b" " * (MB - 30) + b'"}', JSON),
    ("/query", b'{"input": "x", "collections": [' + b'"a",' * 200_000 + b'"a"]}', JSON),
    ("/api/v1/search", b'{"query": "x", "filter": {' + b'"k":[1],' * 90_000 + b'"a":1}}', JSON),
    ("/api/v1/search", b'{"query": "' + b"a\xcc\x81" * 2600 + b'"}', JSON),
    ("/api/v1/collections", b'{"name": "' + b"a" * (MB - 30) + b'"}', JSON),
    (DOCUMENTS, b"-" * MB, FORM),
    (DOCUMENTS, MANY_PARTS, FORM),
    (DOCUMENTS, b"--B\r\n" + b"A: b\r\n" * 150_000, FORM),
    (DOCUMENTS, b'--B\r\nContent-Disposition: form-data; name="' + b"a" * MB, FORM),
    (DOCUMENTS, b"x", {"content-type": "multipart/form-data; boundary=" + "a=" * 30_000}),
    ("/query", b"{}", {"content-type": "application/json" + "; a=b" * 20_000}),
]


@pytest.fixture(autouse=True)
def settled_heap() -> Iterator[None]:
    """As `citewell serve` does it: what is there before a request is not walked because of it."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


async def test_no_hostile_body_takes_the_loop_for_long(client: httpx.AsyncClient) -> None:
    # What is loaded by the first question is no part of the second.
    await client.post("/query", json={"input": "What is this?"})
    for path, body, headers in HOSTILE:
        began = time.thread_time()
        reply = await client.post(path, content=body, headers=headers)
        took = time.thread_time() - began
        assert reply.status_code < 500, (path, body[:30], reply.text)
        assert took <= MOST_SECONDS, (path, body[:30], took)


async def test_no_hostile_header_or_address_takes_the_loop_for_long(
    client: httpx.AsyncClient,
) -> None:
    for name in ("if-match", "cookie", "authorization", "accept", "idempotency-key", "range"):
        for piece in ('W/"', '"', "a=b; ", "Bearer ", ",", "bytes=0-,"):
            began = time.thread_time()
            value = (piece * 60_000)[:60_000]
            reply = await client.get("/api/v1/info", headers={name: value})
            assert reply.status_code < 500
            assert time.thread_time() - began <= MOST_SECONDS, (name, piece)
    for query in ("q=" + "a" * 50_000, "&".join(f"x{n}=1" for n in range(6_000)), "%" * 50_000):
        began = time.thread_time()
        reply = await client.get(f"/api/v1/documents?{query}")
        assert reply.status_code == 422
        assert time.thread_time() - began <= MOST_SECONDS, query[:10]
