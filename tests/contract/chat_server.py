"""A scripted chat model that speaks the wire protocol of /v1/chat/completions over real HTTP.

`script` holds the next replies; `answer`, when set, makes those for which nothing is scripted. Text
and the arguments of tool calls are streamed in pieces. Every fault is one reply of the script, so a
test reads as the story of what the provider does.
"""

import json
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]
STEP = 0.02
# Longer than any test waits for a silent model.
SILENCE = 60.0


class GoneError(Exception):
    """The client has closed the connection."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that the model wants run; arguments that are a text are sent as it is."""

    name: str
    arguments: Mapping[str, Any] | str


@dataclass(frozen=True, slots=True)
class Reply:
    """What one request gets.

    `latency` is before the first byte, `pause` before each further chunk, in seconds. After
    `stall_after` chunks the model is silent, after `break_after` the connection is cut; the first
    chunk has the role only. `raw` replaces everything: a body with `status` and `headers`.
    """

    pieces: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    finish: str = ""
    tokens: tuple[int, int] | None = (0, 0)
    latency: float = 0.0
    pause: float = 0.0
    stall_after: int | None = None
    break_after: int | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None

    @property
    def reason(self) -> str:
        """Why the model stopped, as the wire says it."""
        return self.finish or ("tool_calls" if self.calls else "stop")


def say(text: str, **options: Any) -> Reply:
    """A text, streamed word by word."""
    return Reply(tuple(text.replace(" ", " \0").split("\0")) if text else (), **options)


def call(name: str, arguments: Mapping[str, Any] | str, **options: Any) -> Reply:
    """One tool call; `Reply(calls=…)` makes several."""
    return Reply(calls=(Call(name, arguments),), **options)


def fail(status: int, message: str = "scripted", **headers: str) -> Reply:
    """A refusal; `retry_after="1"` becomes the header of that name."""
    body = json.dumps({"error": {"message": message, "type": "scripted", "code": None}})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, raw=body.encode(), headers=named)


def garbage(body: bytes = b"data: {not json\n\n") -> Reply:
    """A body that is no answer, said to be a stream."""
    return Reply(raw=body, headers={"content-type": "text/event-stream"})


NOTHING = fail(500, "The test has scripted no reply.")
SILENT = Reply(stall_after=0)


@dataclass(frozen=True, slots=True)
class Heard:
    """One request as it arrived; `at` is of the monotonic clock, `port` the client's."""

    path: str
    headers: dict[str, str]
    body: Body
    at: float
    port: int


@dataclass(slots=True)
class ChatServer:
    """The running server and what it saw."""

    base_url: str = ""
    script: deque[Reply] = field(default_factory=deque)
    answer: Callable[[Body], Reply] | None = None
    heard: list[Heard] = field(default_factory=list)
    # Times at which clients closed connections whose reply was not over.
    closed: list[float] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def requests(self) -> list[Body]:
        """The bodies only."""
        return [one.body for one in self.heard]

    def prompts(self) -> list[str]:
        """Everything that each request tells the model, as one text."""
        return [json.dumps(body.get("messages"), ensure_ascii=False) for body in self.requests]

    def wait_for(self, holds: Callable[["ChatServer"], bool], seconds: float = 10.0) -> bool:
        """Whether it comes to hold within the time; blocks, so call it in a thread."""
        with self.changed:
            return self.changed.wait_for(lambda: holds(self), seconds)

    def next(self, body: Body) -> Reply:
        """What this request gets."""
        with self.changed:
            if self.script:
                return self.script.popleft()
        return NOTHING if self.answer is None else self.answer(body)

    def note(self, heard: Heard | None = None, *, busy: int = 0, gone: bool = False) -> None:
        """Write down what happened and wake whoever waits for it."""
        with self.changed:
            self.at_once += busy
            self.most_at_once = max(self.most_at_once, self.at_once)
            if heard is not None:
                self.heard.append(heard)
            if gone:
                self.closed.append(time.monotonic())
            self.changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else a small piece waits 40 ms for the client's word that it has the one before.
    disable_nagle_algorithm = True
    state: ChatServer

    def do_GET(self) -> None:
        listed = {"object": "list", "data": [{"id": "scripted", "object": "model"}]}
        self._whole(200, {}, json.dumps(listed).encode())

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        heard = Heard(
            self.path, headers, json.loads(content), time.monotonic(), self.client_address[1]
        )
        self.state.note(heard, busy=1)
        try:
            self._reply(heard.body, self.state.next(heard.body))
        except (GoneError, ConnectionError):
            self.close_connection = True
            self.state.note(gone=True)
        finally:
            self.state.note(busy=-1)

    def _reply(self, body: Body, reply: Reply) -> None:
        self._wait(reply.latency)
        if reply.raw is not None:
            self._whole(reply.status, reply.headers, reply.raw)
        elif body.get("stream"):
            self._stream(body, reply)
        elif reply.stall_after is not None:
            self._wait(SILENCE)
        else:
            self._whole(reply.status, reply.headers, json.dumps(whole(body, reply)).encode())

    def _stream(self, body: Body, reply: Reply) -> None:
        if reply.stall_after == 0:
            self._wait(SILENCE)
            return
        self.send_response(reply.status)
        for name, value in {"content-type": "text/event-stream", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number, chunk in enumerate(chunks(body, reply)):
            if number == reply.break_after:
                self._cut()
                return
            if number == reply.stall_after:
                self._wait(SILENCE)
            if number:
                self._wait(reply.pause)
            self._send(f"data: {json.dumps(chunk)}\n\n".encode())
        self._send(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _send(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
        self.wfile.flush()

    def _whole(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _wait(self, seconds: float) -> None:
        """Pass the time; raises `GoneError` as soon as the client has closed its side."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.state.stopping.is_set():
                raise GoneError
            readable, _, _ = select.select([self.connection], [], [], min(STEP, left))
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise GoneError

    def _cut(self) -> None:
        self.close_connection = True
        # A reset, as a proxy that falls over sends it.
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def log_message(self, *_: object) -> None: ...


def whole(body: Body, reply: Reply) -> Body:
    """The reply to a request that asks for no stream."""
    message = {"role": "assistant", "content": "".join(reply.pieces) or None}
    if reply.calls:
        message["tool_calls"] = [  # type: ignore[assignment]  # JSON as the wire has it.
            {"id": f"call_{n}", "type": "function", "function": _function(one)}
            for n, one in enumerate(reply.calls)
        ]
    choice = {"index": 0, "message": message, "finish_reason": reply.reason}
    return {**_head(body, "chat.completion"), "choices": [choice], "usage": _usage(body, reply)}


def chunks(body: Body, reply: Reply) -> Iterator[Body]:
    """The pieces of a stream, in the order of the wire; usage only when it is asked for."""
    head = _head(body, "chat.completion.chunk")

    def piece(delta: Body, finish: str | None = None) -> Body:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield piece({"role": "assistant", "content": ""})
    yield from (piece({"content": text}) for text in reply.pieces)
    for number, one in enumerate(reply.calls):
        function = _function(one)
        begun = {"index": number, "id": f"call_{number}", "type": "function"}
        yield piece({"tool_calls": [{**begun, "function": {"name": one.name, "arguments": ""}}]})
        middle = len(function["arguments"]) // 2
        for part in (function["arguments"][:middle], function["arguments"][middle:]):
            yield piece({"tool_calls": [{"index": number, "function": {"arguments": part}}]})
    yield piece({}, reply.reason)
    if (body.get("stream_options") or {}).get("include_usage") and reply.tokens is not None:
        yield {**head, "choices": [], "usage": _usage(body, reply)}


def _head(body: Body, kind: str) -> Body:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": body.get("model", "")}


def _function(one: Call) -> dict[str, str]:
    given = one.arguments
    return {"name": one.name, "arguments": given if isinstance(given, str) else json.dumps(given)}


def _usage(body: Body, reply: Reply) -> Body:
    """The tokens of the script; where it says (0, 0), the words on either side."""
    asked, said = reply.tokens or (0, 0)
    asked = asked or len(json.dumps(body.get("messages")).split())
    said = said or len(reply.pieces) + len(reply.calls)
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that goes away is part of many stories."""


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """A server on a free port of loopback, for as long as the context lasts."""
    state = ChatServer()
    handler = type("Handler", (_Handler,), {"state": state})
    http = _Server(("127.0.0.1", 0), handler)
    state.base_url = f"http://127.0.0.1:{http.server_address[1]}/v1"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        state.stopping.set()
        http.shutdown()
        http.server_close()
        thread.join(10)
