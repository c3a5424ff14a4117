"""A small server that speaks the wire protocols of /rerank over real HTTP, each dialect as it is.

A text's score is the share of the question's words that it has. `script` answers the next requests
instead; `HANG_UP` breaks the line.
"""

import json
import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.contract.openai_server import Answer

MODEL = "words-v1"
HANG_UP = Answer(status=0)


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def score(question: str, text: str) -> float:
    asked = words(question)
    return len(asked & words(text)) / max(1, len(asked))


def cohere(scores: list[Any]) -> bytes:
    """Best first, with the billed units, as Cohere answers."""
    return json.dumps(
        {
            "id": "07734bd2-2473-4f07-94e1-0d9f0e6843cf",
            "results": [{"index": n, "relevance_score": s} for n, s in best_first(scores)],
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
        }
    ).encode()


def jina(scores: list[Any]) -> bytes:
    """Best first, each with its document, and the tokens read, as Jina answers."""
    results = [
        {"index": n, "relevance_score": s, "document": {"text": "…"}} for n, s in best_first(scores)
    ]
    usage = {"total_tokens": 815, "prompt_tokens": 815}
    return json.dumps({"model": MODEL, "usage": usage, "results": results}).encode()


def voyage(scores: list[Any]) -> bytes:
    """A list called `data`, as Voyage answers."""
    data = [{"index": n, "relevance_score": s} for n, s in best_first(scores)]
    usage = {"total_tokens": 26}
    return json.dumps({"object": "list", "data": data, "model": MODEL, "usage": usage}).encode()


def tei(scores: list[Any]) -> bytes:
    """A bare list, as text-embeddings-inference answers."""
    return json.dumps([{"index": n, "score": s} for n, s in best_first(scores)]).encode()


ANSWERS = {"cohere": cohere, "jina": jina, "voyage": voyage, "tei": tei}


def best_first(scores: list[Any]) -> list[tuple[int, Any]]:
    return sorted(enumerate(scores), key=lambda one: str(one[1]), reverse=True)


@dataclass(slots=True)
class RerankServer:
    """The running server and what it saw; `dialect` is one of `ANSWERS`."""

    dialect: str
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


def handler(server: RerankServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            step = noted(server, {**asked, "path": self.path}, headers)
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


def noted(server: RerankServer, asked: dict[str, Any], headers: dict[str, str]) -> Answer:
    """What a request gets, once it is written down."""
    with server.lock:
        server.requests.append(asked)
        server.headers.append(headers)
        server.at_once += 1
        server.most_at_once = max(server.most_at_once, server.at_once)
        step = server.script.popleft() if server.script else None
    if step is None and server.gather is not None:
        meet(server.gather)
    with server.lock:
        server.at_once -= 1
    return step or answered(server.dialect, asked)


def answered(dialect: str, asked: dict[str, Any]) -> Answer:
    texts = asked.get("texts" if dialect == "tei" else "documents")
    if texts is None:
        return Answer(422, b'{"error": "missing field", "error_type": "Validation"}')
    return Answer(body=ANSWERS[dialect]([score(asked["query"], text) for text in texts]))


def meet(barrier: threading.Barrier) -> None:
    try:
        barrier.wait(0.5)
    except threading.BrokenBarrierError:
        barrier.reset()


@contextmanager
def rerank_server(dialect: str = "cohere") -> Iterator[RerankServer]:
    state = RerankServer(dialect)
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler(state))
    http.daemon_threads = True
    state.base_url = f"http://127.0.0.1:{http.server_address[1]}/v2"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        state.stopping.set()
        http.shutdown()
        http.server_close()
        thread.join(10)
