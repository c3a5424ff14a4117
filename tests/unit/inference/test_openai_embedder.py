"""The remote embedder against a real server that misbehaves in every way that we know."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from citewell.domain.errors import InvalidError, UnavailableError, UpstreamError
from citewell.inference.embedding import Embedder, PassageText
from citewell.inference.openai_embedder import OpenAIEmbedder, OpenAIServer, batch_spans
from citewell.inference.retries import Patience
from tests.contract.openai_server import (
    DIMENSION,
    HANG,
    Answer,
    ModelServer,
    answer,
    model_server,
    vector,
)

KEY = "sk-very-secret-0123456789"
HASTY = Patience(total=5.0, first=0.01, most=0.02)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as running:
        yield running


@asynccontextmanager
async def opened(
    server: ModelServer, patience: Patience = HASTY, dimension: int | None = DIMENSION
) -> AsyncIterator[OpenAIEmbedder]:
    made = await OpenAIEmbedder.open(
        OpenAIServer("words", server.base_url, KEY, dimension, patience=patience)
    )
    try:
        yield made
    finally:
        await made.close()


async def test_the_dimension_is_asked_of_the_model_once(server: ModelServer) -> None:
    async with opened(server, dimension=None) as embedder:
        assert embedder.model.dimension == DIMENSION
    assert len(server.requests) == 1


async def test_requests_are_those_of_the_published_protocol(server: ModelServer) -> None:
    async with opened(server) as embedder:
        await embedder.embed_passages([PassageText("text", context="Title"), PassageText("")])
    assert server.requests == [
        {
            "model": "words",
            "input": ["Title\ntext", " "],
            "encoding_format": "float",
            "path": "/v1/embeddings",
        }
    ]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


async def test_a_busy_server_is_asked_again_after_the_time_it_names(server: ModelServer) -> None:
    busy = b'{"error": {"message": "slow down"}}'
    server.script += [Answer(429, busy, {"Retry-After": "1"}), Answer(503, b"no backend")]
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with opened(server) as embedder:
        found = await embedder.embed_query("patience")
    assert loop.time() - began >= 1.0
    assert found @ np.asarray(vector("patience")) > 0
    assert len(server.requests) == 3


async def test_a_wait_beyond_the_deadline_is_handed_to_the_caller_at_once(
    server: ModelServer,
) -> None:
    server.script.append(Answer(429, b'{"error": "quota"}', {"Retry-After": "3600"}))
    async with opened(server) as embedder:
        with pytest.raises(UnavailableError, match="429: quota") as raised:
            await embedder.embed_query("anything")
    assert 3600 <= raised.value.retry_after < 3601
    assert len(server.requests) == 1


async def test_a_server_that_hangs_is_given_up_at_the_deadline(server: ModelServer) -> None:
    server.script.append(HANG)
    async with asyncio.timeout(5), opened(server, Patience(total=0.3)) as embedder:
        with pytest.raises(UnavailableError, match="No answer in time"):
            await embedder.embed_query("anything")


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with model_server() as gone:
        pass
    with pytest.raises(UnavailableError, match="not there"):
        async with opened(gone, Patience(total=0.2, first=0.01, most=0.02), None):
            pytest.fail("opened without a server")


WRONG = {
    "too few": answer([vector("a")]),
    "too many": answer([vector("a")] * 3),
    "wrong dimension": answer([[1.0, 2.0]] * 2),
    "unequal": answer([[1.0, 2.0], [1.0]]),
    "not a number": answer([[float("nan")] * DIMENSION] * 2),
    "null": answer([[None] * DIMENSION] * 2),
    "zero": answer([[0.0] * DIMENSION] * 2),
    "endless": answer([[1e308] * DIMENSION] * 2),
    "words": answer([["a"] * DIMENSION] * 2),
    "not JSON": b"<html>hello</html>",
    "another shape": b'{"data": 5}',
    "a list": b"[]",
    "strings": b'{"data": ["a", "b"]}',
    "same index": b'{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}',
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_answer_is_never_stored(server: ModelServer, name: str) -> None:
    server.script.append(Answer(200, WRONG[name]))
    async with opened(server) as embedder:
        with pytest.raises(UpstreamError):
            await embedder.embed_passages([PassageText("a"), PassageText("b")])
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 302])
async def test_a_refusal_is_told_in_the_servers_words_without_the_key(
    server: ModelServer, status: int
) -> None:
    said = f'{{"error": {{"message": "Incorrect key {KEY} for model"}}}}'.encode()
    server.script.append(Answer(status, said, {"Location": "http://127.0.0.1:1/"}))
    async with opened(server) as embedder:
        with pytest.raises(UpstreamError, match=rf"{status}: Incorrect key \[key\]") as raised:
            await embedder.embed_query("anything")
        assert KEY not in repr(embedder)
    assert KEY not in raised.value.message + raised.value.hint
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "address", ["ftp://host/v1", "host/v1", "http://", "http://me:pw@host/v1", "http://[::1"]
)
async def test_an_address_that_is_not_plain_http_is_refused(address: str) -> None:
    with pytest.raises(InvalidError, match="address"):
        await OpenAIEmbedder.open(OpenAIServer("words", address, KEY))


async def test_a_key_with_a_line_break_is_refused_without_showing_it() -> None:
    with pytest.raises(InvalidError) as raised:
        await OpenAIEmbedder.open(OpenAIServer("words", "http://127.0.0.1:1/v1", KEY + "\n"))
    assert KEY not in raised.value.message


async def test_four_requests_at_most_are_in_flight_and_one_of_them_is_kept_for_questions(
    server: ModelServer,
) -> None:
    server.gather = threading.Barrier(4)
    texts = [PassageText(f"passage {number}") for number in range(96 * 6)]
    async with opened(server) as embedder, asyncio.TaskGroup() as group:
        bulks = [group.create_task(embedder.embed_passages(texts)) for _ in range(2)]
        asked = [group.create_task(embedder.embed_query(f"question {n}")) for n in range(6)]
    assert [len(bulk.result()) for bulk in bulks] == [len(texts)] * 2
    assert all(question.result().shape == (DIMENSION,) for question in asked)
    assert server.most_at_once == 4
    assert max(len(request["input"]) for request in server.requests) == 96


@pytest.mark.parametrize(
    ("lengths", "spans"),
    [
        ([], []),
        ([10] * 97, [(0, 96), (96, 97)]),
        ([150_000, 60_000, 140_000], [(0, 1), (1, 3)]),
        ([5, 900_000, 5], [(0, 1), (1, 2), (2, 3)]),
    ],
)
def test_requests_stay_within_both_limits(lengths: list[int], spans: list[tuple[int, int]]) -> None:
    assert list(batch_spans(lengths)) == spans


async def test_token_counts_are_a_quarter_of_the_characters_rounded_up(
    server: ModelServer,
) -> None:
    async with opened(server) as embedder:
        assert [embedder.count_tokens("a" * n) for n in (0, 1, 4, 5)] == [0, 1, 1, 2]
        promised: Embedder = embedder
        assert await promised.token_states(["text"]) is None
