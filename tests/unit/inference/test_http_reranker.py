"""The remote reranker against a real server that misbehaves in every way that we know."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from citewell.domain.errors import InvalidError, StartError, UnavailableError, UpstreamError
from citewell.inference.metering import metered
from citewell.inference.opening import Server, open_reranker
from citewell.inference.reranking.http_reranker import IN_FLIGHT, HttpReranker, RerankServer
from citewell.inference.reranking.wire import Dialect
from citewell.inference.retries import Patience
from tests.contract.openai_server import HANG, HANG_UP, Answer, ModelServer
from tests.contract.rerank_server import (
    MODEL,
    cohere,
    jina,
    rerank_server,
    tei,
)

KEY = "co-very-secret-0123456789"
HASTY = Patience(total=5.0, first=0.01, most=0.02)
TEXTS = ["bread and butter", "ships"]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with rerank_server() as running:
        yield running


@asynccontextmanager
async def opened(
    server: ModelServer, patience: Patience = HASTY, dialect: Dialect = Dialect.COHERE
) -> AsyncIterator[HttpReranker]:
    made = HttpReranker.open(RerankServer(MODEL, server.base_url, KEY, dialect, patience))
    try:
        yield made
    finally:
        await made.close()


async def test_requests_are_those_of_the_published_protocols(server: ModelServer) -> None:
    async with opened(server) as reranker:
        await reranker.scores("bread", ["bread", ""])
    assert server.requests == [
        {
            "model": MODEL,
            "query": "bread",
            "documents": ["bread", " "],
            "top_n": 2,
            "path": "/v2/rerank",
        }
    ]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    with rerank_server("tei") as other:
        async with opened(other, dialect=Dialect.TEI) as reranker:
            await reranker.scores("bread", TEXTS)
    sent = {"query": "bread", "texts": TEXTS, "truncate": True, "path": "/v2/rerank"}
    assert other.requests == [sent]


async def test_a_busy_server_and_a_broken_line_are_asked_again(server: ModelServer) -> None:
    busy = Answer(429, b"{}", {"Retry-After": "0"})
    server.script += [busy, Answer(503, b"no backend"), HANG_UP]
    async with opened(server) as reranker:
        assert await reranker.scores("bread", TEXTS) == [1.0, 0.0]
    assert len(server.requests) == 4


async def test_a_wait_beyond_the_deadline_is_handed_to_the_caller_at_once(
    server: ModelServer,
) -> None:
    server.script.append(Answer(429, b"{}", {"Retry-After": "3600"}))
    async with opened(server) as reranker:
        with pytest.raises(UnavailableError, match="429") as raised:
            await reranker.scores("bread", TEXTS)
    assert 3600 <= raised.value.retry_after < 3601


async def test_a_server_that_hangs_or_is_gone_is_given_up_at_the_deadline(
    server: ModelServer,
) -> None:
    server.script.append(HANG)
    async with asyncio.timeout(5), opened(server, Patience(total=0.3)) as reranker:
        with pytest.raises(UnavailableError, match="No answer in time"):
            await reranker.scores("bread", TEXTS)
    with rerank_server() as gone:
        pass
    async with opened(gone, Patience(total=0.2, first=0.01, most=0.02)) as reranker:
        with pytest.raises(UnavailableError, match="not there"):
            await reranker.scores("bread", TEXTS)


NAN = float("nan")
WRONG = {
    "too few": cohere([0.5]),
    "too many": cohere([0.5, 0.4, 0.3]),
    "none": b'{"results": []}',
    "an index twice": b'{"results": [{"index": 0, "relevance_score": 1},'
    b' {"index": 0, "relevance_score": 2}]}',
    "an index beyond": b'[{"index": 0, "score": 1}, {"index": 2, "score": 2}]',
    "an index below": b'[{"index": 0, "score": 1}, {"index": -1, "score": 2}]',
    "an index of text": b'[{"index": "0", "score": 1}, {"index": 1, "score": 2}]',
    "an index of logic": b'[{"index": false, "score": 1}, {"index": true, "score": 2}]',
    "an index of a fraction": b'[{"index": 0.0, "score": 1}, {"index": 1.0, "score": 2}]',
    "not a number": tei([NAN, 0.5]),
    "endless": tei([float("inf"), 0.5]),
    "beyond all": b'[{"index": 0, "score": 1e999}, {"index": 1, "score": 2}]',
    "null": jina([None, 0.5]),
    "a score of text": jina(["0.9", 0.5]),
    "a score of logic": jina([True, False]),
    "no score": b'[{"index": 0}, {"index": 1}]',
    "not JSON": b"<html>hello</html>",
    "a number": b"7",
    "null itself": b"null",
    "another shape": b'{"results": 5}',
    "nothing we know": b'{"scores": [1, 2]}',
    "strings": b'["a", "b"]',
    "numbers": b"[0.5, 0.4]",
    "nested": b"[" * 5000 + b"]" * 5000,
}


@pytest.mark.parametrize("body", WRONG.values(), ids=list(WRONG))
async def test_an_answer_that_is_wrong_is_refused_and_not_asked_for_again(
    server: ModelServer, body: bytes
) -> None:
    server.script.append(Answer(body=body))
    async with opened(server) as reranker:
        with pytest.raises(UpstreamError, match="reranking server"):
            await reranker.scores("bread", TEXTS)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422])
async def test_a_refusal_names_its_status_and_neither_the_key_nor_what_was_asked(
    server: ModelServer, status: int
) -> None:
    said = json.dumps({"message": f"invalid api token {KEY} for query bread"}).encode()
    server.script.append(Answer(status, said, {"location": "http://127.0.0.1:9/"}))
    async with opened(server) as reranker:
        with pytest.raises(UpstreamError, match=str(status)) as raised:
            await reranker.scores("bread", TEXTS)
    assert KEY not in str(raised.value) + raised.value.hint
    assert "bread" not in str(raised.value) + raised.value.hint
    assert KEY not in repr(reranker)


async def test_no_more_requests_than_its_bound_are_in_flight(server: ModelServer) -> None:
    server.gather = threading.Barrier(IN_FLIGHT + 1)
    async with opened(server) as reranker:
        await asyncio.gather(*(reranker.scores("bread", TEXTS) for _ in range(2 * IN_FLIGHT)))
    assert server.most_at_once == IN_FLIGHT


async def test_what_the_provider_counts_is_told_to_whoever_pays(server: ModelServer) -> None:
    async with opened(server) as reranker:
        with metered() as by_search:
            await reranker.scores("bread", TEXTS)
        server.script.append(Answer(body=jina([0.1, 0.2])))
        with metered() as by_token:
            await reranker.scores("bread", TEXTS)
        odd = b'{"results": [{"index": 0, "relevance_score": 1}], "usage": {"total_tokens": -5}}'
        server.script.append(Answer(body=odd))
        with metered() as nothing:
            await reranker.scores("bread", TEXTS[:1])
    assert (by_search.tokens, by_search.searches) == (0, 1)
    assert (by_token.tokens, by_token.searches) == (815, 0)
    assert (nothing.tokens, nothing.searches) == (0, 0)


async def test_a_name_that_nobody_knows_and_one_without_a_server_are_refused_with_the_remedy() -> (
    None
):
    nowhere = Server("")
    assert await open_reranker("builtin", nowhere, seconds=1) is None
    for name in ("cohere", "http:", ":x", "ftp:model", ""):
        with pytest.raises(StartError, match="not known") as raised:
            await open_reranker(name, Server("http://127.0.0.1:9"), seconds=1)
        assert "http:<model>" in raised.value.hint
    with pytest.raises(StartError, match="no server") as raised:
        await open_reranker("tei:bge", nowhere, seconds=1)
    assert "CITEWELL_RERANK__BASE_URL" in raised.value.hint
    with pytest.raises(InvalidError):
        await open_reranker("http:rerank", Server("gopher://example"), seconds=1)
