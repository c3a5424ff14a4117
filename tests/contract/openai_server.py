"""A small model server that speaks the wire protocol of /v1/embeddings over real HTTP.

Vectors are counts of hashed words, so like texts are alike. `script` answers the next requests
instead: each step is a status, headers and a body, or `HANG`, or `HANG_UP`. Other protocols of one
request and one answer are served by the same server with answers of their own.
"""

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIMENSION = 256


@dataclass(frozen=True, slots=True)
class Answer:
    """One scripted answer; `hang` answers nothing until the server stops."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False


HANG = Answer(hang=True)
# The line breaks instead of an answer.
HANG_UP = Answer(status=0)


def vector(text: str) -> list[float]:
    counts = [0.01] * DIMENSION
    for word in text.lower().split():
        counts[hashlib.sha256(word.encode("utf-8", "replace")).digest()[0]] += 1.0
    return counts


def answer(vectors: list[Any], *, reverse: bool = False) -> bytes:
    data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
    return json.dumps({"object": "list", "data": data[::-1] if reverse else data}).encode()


def embedded(asked: dict[str, Any]) -> Answer:
    return Answer(body=answer([vector(text) for text in asked["input"]], reverse=True))


@dataclass(slots=True)
class ModelServer:
    """The running server and what it saw."""

    answer: Callable[[dict[str, Any]], Answer] = embedded
    base_url: str = ""
    script: deque[Answer] = field(default_factory=deque)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopping: threading.Event = field(default_factory=threading.Event)
    # When set, unscripted answers wait until this many requests are in flight, or half a second.
    gather: threading.Barrier | None = None


def handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            is_json = self.headers["content-type"] == "application/json"
            asked = json.loads(content) if is_json else {"form": content.decode()}
            with server.lock:
                server.requests.append({**asked, "path": self.path})
                server.headers.append({k.lower(): v for k, v in self.headers.items()})
                server.at_once += 1
                server.most_at_once = max(server.most_at_once, server.at_once)
                step = server.script.popleft() if server.script else None
            if step is None and server.gather is not None:
                meet(server.gather)
            with server.lock:
                server.at_once -= 1
            self.reply(step or server.answer(asked))

        def reply(self, step: Answer) -> None:
            if step.hang:
                server.stopping.wait(30)
            if step.hang or step == HANG_UP:
                self.close_connection = True
                return
            self.send_response(step.status)
            for name, value in step.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(step.body)))
            self.end_headers()
            self.wfile.write(step.body)

        def log_message(self, *_: object) -> None: ...

    return Handler


def meet(barrier: threading.Barrier) -> None:
    try:
        barrier.wait(0.5)
    except threading.BrokenBarrierError:
        barrier.reset()


@contextmanager
def model_server(
    answered: Callable[[dict[str, Any]], Answer] = embedded, path: str = "/v1"
) -> Iterator[ModelServer]:
    state = ModelServer(answered)
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler(state))
    http.daemon_threads = True
    state.base_url = f"http://127.0.0.1:{http.server_address[1]}{path}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        state.stopping.set()
        http.shutdown()
        http.server_close()
        thread.join(10)
