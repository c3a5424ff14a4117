"""Providers with protocols of their own are asked over our connections, and heard alike."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.tools import tool

from citewell.domain.errors import UnavailableError, UpstreamError
from citewell.inference.chat.opening import Terms, open_model
from citewell.inference.chat.pacing import Pace
from citewell.inference.chat.speech import Called, ChatModel, Said, Speech, Used
from tests.contract.chat_server import SILENT, ChatServer, Reply, chat_server, fail

ASKED = (SystemMessage("Be brief."), HumanMessage("What is bread made of?"))
PACE = Pace(first=1.0, between=1.0, whole=5.0)


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def events(*pieces: dict[str, Any]) -> Reply:
    """A stream as Anthropic sends it."""
    text = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in pieces)
    return Reply(raw=text.encode(), headers={"content-type": "text/event-stream"})


def message(block: dict[str, Any], *deltas: dict[str, Any], stop: str) -> Reply:
    head: dict[str, Any] = {
        "id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "claude",
        "stop_reason": None, "stop_sequence": None,
        "usage": {"input_tokens": 25, "output_tokens": 1},
    }  # fmt: skip
    return events(
        {"type": "message_start", "message": head},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *({"type": "content_block_delta", "index": 0, "delta": one} for one in deltas),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": None},
            "usage": {"input_tokens": 25, "output_tokens": 15},
        },
        {"type": "message_stop"},
    )


def lines(*pieces: dict[str, Any]) -> Reply:
    """A stream as Ollama sends it."""
    head = {"model": "llama", "created_at": "2026-01-01T00:00:00Z"}
    text = "".join(json.dumps({**head, **one}) + "\n" for one in pieces)
    return Reply(raw=text.encode(), headers={"content-type": "application/x-ndjson"})


DONE = {
    "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop",
    "prompt_eval_count": 25, "eval_count": 15,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Provider:
    """What one provider says, for the same story."""

    name: str
    text: Reply
    call: Reply
    path: str
    bound: tuple[str, ...]


ANTHROPIC = Provider(
    "anthropic:claude",
    message(
        {"type": "text", "text": ""},
        {"type": "text_delta", "text": "Flour "},
        {"type": "text_delta", "text": "and water."},
        stop="end_turn",
    ),
    message(
        {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"a": 1,'},
        {"type": "input_json_delta", "partial_json": ' "b": 2}'},
        stop="tool_use",
    ),
    "/v1/messages",
    ("max_tokens",),
)
OLLAMA = Provider(
    "ollama:llama",
    lines(
        {"message": {"role": "assistant", "content": "Flour "}, "done": False},
        {"message": {"role": "assistant", "content": "and water."}, "done": False},
        DONE,
    ),
    lines(
        {
            "message": {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"function": {"name": "add", "arguments": {"a": 1, "b": 2}}}],
            },
            "done": False,
        },
        DONE,
    ),
    "/api/chat",
    ("options", "num_predict"),
)


@pytest.fixture(scope="module")
def running() -> Iterator[ChatServer]:
    with chat_server() as server:
        yield server


@pytest.fixture
def server(running: ChatServer) -> ChatServer:
    running.script.clear()
    running.heard.clear()
    running.closed.clear()
    return running


@pytest.fixture(params=[ANTHROPIC, OLLAMA], ids=lambda one: one.name)
def provider(request: pytest.FixtureRequest) -> Provider:
    found: Provider = request.param
    return found


@pytest.fixture
async def model(provider: Provider, server: ChatServer) -> AsyncIterator[ChatModel]:
    terms = Terms("https://api.openai.com/v1", key="key-of-the-server", pace=PACE)
    address = server.base_url.removesuffix("/v1")
    made = await open_model(f"{provider.name}@{address}", terms)
    yield made
    await made.close()


async def everything(model: ChatModel, **options: Any) -> list[Speech]:
    async with aclosing(model.stream(ASKED, most_tokens=77, **options)) as speech:
        return [piece async for piece in speech]


async def test_the_text_comes_in_pieces_and_its_cost_last(
    model: ChatModel, provider: Provider, server: ChatServer
) -> None:
    server.script.append(provider.text)
    *said, used = await everything(model)
    assert said == [Said("Flour "), Said("and water.")]
    assert isinstance(used, Used)
    assert (used.tokens_in, used.tokens_out, used.finish) == (25, 15, "stop")
    (heard,) = server.heard
    assert heard.path.partition("?")[0] == provider.path
    bound: Any = heard.body
    for name in provider.bound:
        bound = bound[name]
    assert bound == 77
    assert heard.headers["accept-encoding"] == "identity", "it came by our connection"


async def test_a_tool_call_comes_whole(
    model: ChatModel, provider: Provider, server: ChatServer
) -> None:
    server.script.append(provider.call)
    called, used = await everything(model, tools=(add,))
    assert isinstance(called, Called)
    assert [(one["name"], one["args"]) for one in called.calls] == [("add", {"a": 1, "b": 2})]
    assert isinstance(used, Used)
    assert "add" in json.dumps(server.requests[0]["tools"])


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (fail(401), UpstreamError),
        (fail(404), UpstreamError),
        (fail(503), UnavailableError),
        (fail(429, retry_after="7"), UnavailableError),
    ],
    ids=["wrong key", "unknown model", "overloaded", "too often"],
)
async def test_a_refusal_is_told_and_nothing_is_asked_twice(
    model: ChatModel, server: ChatServer, reply: Reply, error: type[Exception]
) -> None:
    server.script.append(reply)
    with pytest.raises(error, match=str(reply.status)):
        await everything(model)
    assert len(server.requests) == 1


async def test_a_silent_model_is_left_and_hung_up(model: ChatModel, server: ChatServer) -> None:
    server.script.append(SILENT)
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="said nothing"):
        await everything(model)
    assert await asyncio.to_thread(server.wait_for, lambda seen: len(seen.closed) == 1, 2)
    assert server.closed[0] - began < 3
