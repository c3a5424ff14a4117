"""Whoever is not let in has caused nothing: nothing opened, run, imported or read but the answer.

Authentication itself asks the database, through a driver whose sockets Python does not report; they
are the only thing that a stranger's request may touch. What Python does report must not happen.
"""

import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from starlette.types import Message

from citewell.api.guard import GuardedRoute, policy_of
from citewell.domain.principal import Role, Scope
from tests.api.conftest import Keys
from tests.api.test_authorization import GUARDED
from tests.conftest import Counted
from tests.security.conftest import keys
from tests.security.credentials.watching import CODE, FILES, NETWORK, PROCESSES, watching

__all__ = ["keys"]

EVENTS = NETWORK | FILES | PROCESSES | CODE
MOST_READ = 64 * 1024
PIECE = 16 * 1024
# Of a page of another site only what changes something is forbidden.
EITHER = None
NONSENSE = b"\x80\x04\x95cos\nsystem\n(S'true'\ntR."

# What a body may be, and what a parser would begin to do with it.
BODIES: Mapping[str, tuple[bytes, bytes]] = {
    "nested JSON": (b"application/json", b"[" * PIECE),
    "a pickle": (b"application/octet-stream", NONSENSE * (PIECE // len(NONSENSE))),
    "a form": (b"application/x-www-form-urlencoded", b"a=b&" * (PIECE // 4)),
    "a file": (
        b"multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
        + b"%PDF" * (PIECE // 8),
    ),
    "a bomb": (b"application/json", zlib.compress(bytes(16 * 1024 * 1024))[:PIECE]),
}


@dataclass(slots=True)
class Sent:
    """A request whose body never ends, and what became of it."""

    kind: bytes
    piece: bytes
    headers: Mapping[str, str]
    read: int = 0
    status: int = 0

    async def receive(self) -> Message:
        self.read += len(self.piece)
        assert self.read < 100 * MOST_READ, "the body is read without an end"
        return {"type": "http.request", "body": self.piece, "more_body": True}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]

    async def to(self, api: FastAPI, route: GuardedRoute) -> None:
        (method,) = route.methods or set()
        path = route.path.replace("{", "").replace("}", "").replace(":path", "")
        carried = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(),
            "query_string": b"", "scheme": "http", "http_version": "1.1", "root_path": "",
            "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
            "headers": [
                (b"host", b"localhost"), (b"content-type", self.kind),
                (b"content-encoding", b"deflate"), (b"transfer-encoding", b"chunked"), *carried,
            ],
        }  # fmt: skip
        await api(scope, self.receive, self.send)


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def refused_to(keys: Keys) -> dict[str, tuple[dict[str, str], int | None]]:
    """Senders who must not get in, and what each of them is told."""
    narrow: frozenset[Scope] = frozenset()
    cookie = {"cookie": f"citewell_session={'x' * 43}"}
    return {
        "nobody": ({}, 401),
        "an unknown key": (bearer("cw_" + "A" * 43), 401),
        "a revoked key": (bearer(await keys.make_revoked()), 401),
        "a token of somebody else": (bearer("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."), 401),
        "a cookie of nobody": ({**cookie, "sec-fetch-site": "same-origin"}, 401),
        "a page of another site": ({**cookie, "origin": "https://evil.example"}, EITHER),
        "a key that may nothing": (bearer(await keys.make(Role.OWNER, narrow)), 403),
        "a viewer": (bearer(await keys.make(Role.VIEWER)), 403),
    }  # fmt: skip


def cells(
    senders: Mapping[str, tuple[dict[str, str], int | None]],
) -> Iterator[tuple[str, GuardedRoute]]:
    for name, (_, status) in senders.items():
        for route in GUARDED:
            policy = policy_of(route.endpoint)
            if status == 403 and (
                policy.scope is None or (name == "a viewer" and policy.role is Role.VIEWER)
            ):
                continue  # This one may.
            yield name, route


async def test_nothing_happens_before_a_refusal(
    api: FastAPI, keys: Keys, record_property: Counted
) -> None:
    senders = await refused_to(keys)
    wrong: list[str] = []
    count = 0
    bodies = list(BODIES.items())
    for name, route in cells(senders):
        headers, status = senders[name]
        what, (kind, piece) = bodies[count % len(bodies)]
        sent = Sent(kind, piece, headers)
        with watching(EVENTS) as heard:
            await sent.to(api, route)
        count += 1
        expected = {401, 403} if status is EITHER else {status}
        if heard or sent.read > MOST_READ or sent.status not in expected:
            cell = f"{name} × {route.name} × {what}"
            wrong.append(f"{cell}: {sent.status}, read {sent.read}, {heard[:3]}")
    assert not wrong, f"{len(wrong)} of {count}:\n" + "\n".join(wrong[:20])
    assert count > 5 * len(GUARDED)
    record_property("refusals", count)


def test_what_is_watched_for_is_heard(tmp_path: Path) -> None:
    """Otherwise silence would prove nothing."""
    with watching(EVENTS) as heard:
        (tmp_path / "file").write_text("x", "utf-8")
        subprocess.run([sys.executable, "-c", ""], check=True)
        exec("1 + 1")
        with socket.socket() as one:
            assert one.connect_ex(("127.0.0.1", 1)) != 0
    kinds = {event.partition(" ")[0] for event in heard}
    assert {"open", "subprocess.Popen", "exec", "socket.connect"} <= kinds
