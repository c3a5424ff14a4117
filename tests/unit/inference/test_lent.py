"""Clients that are lent to libraries go where the operator said, and read no more than they may."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import httpx2
import pytest

from citewell.domain.errors import UpstreamError
from citewell.inference.egress import lent
from citewell.inference.egress.addresses import Address, Origin
from citewell.inference.egress.lent import LentTransport, closed_client, lent_client, line
from tests.contract.chat_server import SILENT, ChatServer, Reply, chat_server

ASKED = {"model": "m", "messages": [], "stream": True}


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


def origin(server: ChatServer) -> Origin:
    return Address.read(server.base_url).origin


@asynccontextmanager
async def client_of(named: Origin | None) -> AsyncIterator[httpx2.AsyncClient]:
    async with lent_client(LentTransport(named)) as client:
        yield client


async def test_only_the_named_server_may_be_on_a_private_network(server: ChatServer) -> None:
    canary = socket.create_server(("127.0.0.1", 0))
    canary.settimeout(0.1)
    elsewhere = f"http://127.0.0.1:{canary.getsockname()[1]}/v1"
    async with client_of(origin(server)) as client:
        assert (await client.get(f"{server.base_url}/models")).status_code == 200
        for address in (elsewhere, "http://localhost/", "http://169.254.169.254/", "http://[::1]/"):
            with pytest.raises(httpx2.ConnectError, match="not a public address"):
                await client.get(address)
    async with client_of(None) as client:
        with pytest.raises(httpx2.ConnectError, match="not a public address"):
            await client.get(f"{server.base_url}/models")
    with canary, pytest.raises(TimeoutError):
        canary.accept()


async def test_both_libraries_get_answers_and_errors_of_their_own(server: ChatServer) -> None:
    transport = LentTransport(origin(server))
    async with httpx.AsyncClient(transport=transport) as older:
        answer = await older.get(f"{server.base_url}/models")
        assert isinstance(answer, httpx.Response)
        assert answer.json()["object"] == "list"
        with pytest.raises(httpx.ConnectError):
            await older.get("http://127.0.0.1:9/")


async def test_a_redirect_is_an_answer(server: ChatServer) -> None:
    there = {"location": "http://127.0.0.1:9/"}
    server.script.append(Reply(status=307, headers=there, raw=b""))
    async with client_of(origin(server)) as client:
        answer = await client.post(f"{server.base_url}/chat/completions", json=ASKED)
    assert answer.status_code == 307


async def test_a_packed_answer_is_refused_and_none_is_asked_for(server: ChatServer) -> None:
    server.script.append(Reply(headers={"content-encoding": "gzip"}, raw=b"bomb"))
    async with client_of(origin(server)) as client:
        with pytest.raises(UpstreamError, match="packed its answer"):
            await client.post(f"{server.base_url}/chat/completions", json=ASKED)
    assert server.heard[0].headers["accept-encoding"] == "identity"


async def test_an_answer_has_a_bound(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lent, "MOST_BYTES", 2048)
    server.script.append(Reply(raw=b"x" * 4096))
    async with client_of(origin(server)) as client:
        with pytest.raises(UpstreamError, match="more than 2 kB"):
            await client.post(f"{server.base_url}/chat/completions", json=ASKED)


async def test_what_a_line_has_open_is_hung_up_at_its_end(server: ChatServer) -> None:
    server.script += [Reply(pieces=("a", "b"), stall_after=2), SILENT]
    async with client_of(origin(server)) as client:
        async with line():
            request = client.build_request(
                "POST", f"{server.base_url}/chat/completions", json=ASKED
            )
            # Nobody closes it: as a generator of a library that was left halfway.
            await client.send(request, stream=True)
        assert server.wait_for(lambda seen: len(seen.closed) == 1, 2)


def test_nothing_leaves_through_the_client_that_would_block() -> None:
    with closed_client() as client, pytest.raises(httpx2.ConnectError, match="without blocking"):
        client.get("http://127.0.0.1:9/")
