"""Every chat model keeps its promises, against a provider that is asked over real HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.tools import BaseTool, tool

from citewell.domain.errors import UnavailableError, UpstreamError
from citewell.inference.chat.attempts import Link
from citewell.inference.chat.chain import ModelChain
from citewell.inference.chat.opening import Terms, open_model
from citewell.inference.chat.pacing import Pace
from citewell.inference.chat.speech import Called, ChatModel, Said, Speech, Used
from citewell.inference.retries import Patience
from tests.contract.chat_server import (
    SILENT,
    Call,
    ChatServer,
    Reply,
    chat_server,
    fail,
    garbage,
    say,
)

ASKED = (SystemMessage("Be brief."), HumanMessage("What is bread made of?"))
PACE = Pace(first=1.0, between=1.0, whole=5.0)
PRICE = (Decimal(2), Decimal(10))


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


TOOLS: tuple[BaseTool, ...] = (add,)


@pytest.fixture(scope="module")
def running() -> Iterator[ChatServer]:
    with chat_server() as server:
        yield server


@pytest.fixture
def server(running: ChatServer) -> ChatServer:
    running.script.clear()
    running.heard.clear()
    running.closed.clear()
    running.most_at_once = 0
    return running


@pytest.fixture(params=["one", "chain"])
async def model(request: pytest.FixtureRequest, server: ChatServer) -> AsyncIterator[ChatModel]:
    terms = Terms(server.base_url, "sk-secret-123", pace=PACE, price=PRICE, at_once=4)
    one = await open_model("openai:scripted", terms)
    chain = ModelChain((Link(one),), Patience(6.0, 0.01, 0.02))
    made: ChatModel = one if request.param == "one" else chain
    yield made
    await made.close()
    await made.close()


async def everything(model: ChatModel, tools: tuple[BaseTool, ...] = ()) -> list[Speech]:
    async with aclosing(model.stream(ASKED, tools, most_tokens=100)) as speech:
        return [piece async for piece in speech]


async def test_the_text_comes_in_pieces_and_its_cost_last(
    model: ChatModel, server: ChatServer
) -> None:
    server.script.append(say("Flour and water.", tokens=(1000, 200)))
    said = await everything(model)
    assert said == [
        Said("Flour "),
        Said("and "),
        Said("water."),
        Used("openai:scripted", 1000, 200, Decimal("0.004"), "stop"),
    ]
    assert model.name == "openai:scripted"
    (heard,) = server.heard
    assert heard.headers["authorization"] == "Bearer sk-secret-123"
    assert heard.body["model"] == "scripted"
    assert heard.body["max_tokens"] == 100
    assert [one["role"] for one in heard.body["messages"]] == ["system", "user"]


async def test_tool_calls_come_whole_and_before_the_cost(
    model: ChatModel, server: ChatServer
) -> None:
    server.script.append(
        Reply(calls=(Call("add", {"a": 1, "b": 2}), Call("add", {"a": 3, "b": 4})))
    )
    called, used = await everything(model, TOOLS)
    assert isinstance(called, Called)
    assert [(one["name"], one["args"]) for one in called.calls] == [
        ("add", {"a": 1, "b": 2}),
        ("add", {"a": 3, "b": 4}),
    ]
    assert len({one["id"] for one in called.calls}) == 2
    assert isinstance(used, Used)
    assert server.requests[0]["tools"][0]["function"]["name"] == "add"


async def test_tokens_that_the_provider_does_not_count_are_estimated(
    model: ChatModel, server: ChatServer
) -> None:
    server.script.append(say("Flour and water.", tokens=None))
    used = (await everything(model))[-1]
    assert isinstance(used, Used)
    assert 5 < used.tokens_in < 100
    assert used.tokens_out == 4


async def test_a_text_that_was_cut_off_says_so(model: ChatModel, server: ChatServer) -> None:
    server.script.append(say("Flour and", finish="length"))
    used = (await everything(model))[-1]
    assert isinstance(used, Used)
    assert used.finish == "length"


async def test_a_model_that_knows_no_end_is_cut_off(model: ChatModel, server: ChatServer) -> None:
    server.script.append(Reply(pieces=("word " * 100,) * 100_000))
    said = await everything(model)
    assert sum(len(one.text) for one in said if isinstance(one, Said)) < 5000
    used = said[-1]
    assert isinstance(used, Used)
    assert used.finish == "length"
    assert await asyncio.to_thread(server.wait_for, lambda seen: len(seen.closed) == 1, 2)


REFUSALS = {
    "wrong key": fail(401, "Incorrect API key provided: sk-secret-123."),
    "unknown model": fail(404, "no such model"),
    "too long": fail(400, "maximum context length"),
    "not paid": fail(429, "insufficient_quota"),
    "not json": garbage(b"data: {not json\n\n"),
    "another json": garbage(b'data: {"choices": "none"}\n\n'),
    "no stream": garbage(b"<html>Hello</html>"),
    "no answer": say(""),
    "filtered": say("", finish="content_filter"),
    "wrong arguments": Reply(calls=(Call("add", "{not json"),)),
}


@pytest.mark.parametrize("reply", REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_or_a_wrong_answer_raises_at_once(
    model: ChatModel, server: ChatServer, reply: Reply
) -> None:
    server.script.append(reply)
    with pytest.raises(UpstreamError) as caught:
        await everything(model)
    assert "openai:scripted" in caught.value.message
    assert "sk-secret-123" not in caught.value.message
    assert len(server.requests) == 1


PASSING = {
    "overloaded": fail(503),
    "too often": fail(429, retry_after="0"),
    "broken before": say("a b", break_after=0),
}


@pytest.mark.parametrize("reply", PASSING.values(), ids=PASSING)
async def test_what_may_pass_is_unavailable(
    model: ChatModel, server: ChatServer, reply: Reply
) -> None:
    server.script += [reply] * 9
    with pytest.raises(UnavailableError):
        await everything(model)


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    model = await open_model("openai:scripted", Terms("http://127.0.0.1:9/v1", pace=PACE))
    with pytest.raises(UnavailableError, match="openai:scripted is not there"):
        await everything(model)
    await model.close()


@pytest.mark.parametrize("chunks", [0, 1])
async def test_a_silent_model_is_left_in_time(
    model: ChatModel, server: ChatServer, chunks: int
) -> None:
    # The chunk with the role is no speech.
    server.script.append(say("Flour and water.", stall_after=chunks))
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="said nothing for"):
        await everything(model)
    assert time.monotonic() - began < 3.0
    assert await asyncio.to_thread(server.wait_for, lambda seen: len(seen.closed) == 1, 2)


@pytest.mark.parametrize("fault", [{"stall_after": 3}, {"break_after": 3}])
async def test_what_breaks_after_the_first_words_is_not_begun_again(
    model: ChatModel, server: ChatServer, fault: dict[str, Any]
) -> None:
    server.script += [say("Flour and water.", pause=0.05, **fault), say("Never said.")]
    async with aclosing(model.stream(ASKED)) as speech:
        assert [await anext(speech), await anext(speech)] == [Said("Flour "), Said("and ")]
        with pytest.raises(UnavailableError):
            await anext(speech)
    assert len(server.requests) == 1


async def test_who_stops_listening_hangs_up_at_the_provider(
    model: ChatModel, server: ChatServer
) -> None:
    server.script.append(say("a b c d", stall_after=3))
    async with aclosing(model.stream(ASKED)) as speech:
        assert await anext(speech) == Said("a ")
        began = time.monotonic()
    assert await asyncio.to_thread(server.wait_for, lambda seen: len(seen.closed) == 1, 2)
    assert server.closed[0] - began < 2


async def test_a_cancelled_wait_hangs_up_at_the_provider(
    model: ChatModel, server: ChatServer
) -> None:
    server.script.append(SILENT)
    waiting = asyncio.ensure_future(everything(model))
    assert await asyncio.to_thread(server.wait_for, lambda seen: len(seen.requests) == 1, 2)
    began = time.monotonic()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.to_thread(server.wait_for, lambda seen: len(seen.closed) == 1, 2)
    assert server.closed[0] - began < 2


async def test_connections_are_used_again(model: ChatModel, server: ChatServer) -> None:
    server.script += [say("One."), say("Two.")]
    await everything(model)
    await everything(model)
    assert len({one.port for one in server.heard}) == 1


async def test_no_more_calls_go_on_at_once_than_are_allowed(
    model: ChatModel, server: ChatServer
) -> None:
    server.script += [say("Slowly.", latency=0.2)] * 12
    await asyncio.gather(*(everything(model) for _ in range(12)))
    assert server.most_at_once == 4
