"""The scripted chat model keeps to the wire protocol, and sees who leaves."""

import json
from typing import Any

import httpx
import pytest

from tests.contract.chat_server import SILENT, ChatServer, call, fail, say

ASKED: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "two words"}],
    "stream": True,
    "stream_options": {"include_usage": True},
}


def ask(model: ChatServer, **changed: Any) -> httpx.Response:
    body = {**ASKED, **changed}
    return httpx.post(f"{model.base_url}/chat/completions", json=body, timeout=0.5)


def frames(response: httpx.Response) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in response.text.split("\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def test_a_text_comes_word_by_word_and_its_tokens_last(model: ChatServer) -> None:
    model.script.append(say("Hello big world."))
    *head, usage = frames(ask(model))
    assert [one["choices"][0]["delta"].get("content") for one in head] == [
        "", "Hello ", "big ", "world.", None,
    ]  # fmt: skip
    assert head[-1]["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == 3


def test_a_tool_call_comes_in_pieces_or_whole(model: ChatServer) -> None:
    model.script += [call("add", {"a": 1}), call("add", {"a": 1})]
    deltas = [one["choices"][0]["delta"] for one in frames(ask(model)) if one["choices"]]
    parts = [one["tool_calls"][0]["function"] for one in deltas if "tool_calls" in one]
    assert parts[0]["name"] == "add"
    assert json.loads("".join(one["arguments"] for one in parts)) == {"a": 1}
    message = ask(model, stream=False).json()["choices"][0]["message"]
    assert message["tool_calls"][0]["function"]["arguments"] == '{"a": 1}'


def test_faults_are_what_the_script_says(model: ChatServer) -> None:
    model.script += [fail(503, retry_after="2"), say("a b c", break_after=2)]
    refused = ask(model)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    with pytest.raises(httpx.NetworkError):
        ask(model)
    assert ask(model).status_code == 500


def test_a_client_that_leaves_is_seen(model: ChatServer) -> None:
    model.script += [SILENT, say("a b c", stall_after=2)]
    for _ in range(2):
        with pytest.raises(httpx.ReadTimeout):
            ask(model)
    assert model.wait_for(lambda seen: len(seen.closed) == 2 and seen.at_once == 0, 5)
    assert len(model.requests) == 2
