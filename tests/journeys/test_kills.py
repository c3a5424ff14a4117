"""A storm of `kill -9` at random moments: what was acknowledged is there, once, and searchable."""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest

from tests.conftest import Counted
from tests.journeys.conftest import Server, settled, shared, verified, wait_until

pytestmark = pytest.mark.long

KILLS, STORM_KILLS = 18, 54
SERVER_KILLS, STORM_SERVER_KILLS = 2, 5
STORM_SECONDS = 240.0
SETTLE_SECONDS = 90.0
SLICE = 1500
FROZEN_BYTES = 40_000


@pytest.fixture
def stormy(idle: Server) -> Server:
    """Two workers, so that one has work while the other starts."""
    idle.settings = {"CITEWELL_WORKERS": "2"}
    return idle


def test_whatever_is_killed_nothing_acknowledged_is_lost_or_doubled(
    stormy: Server, seed: int, storm: bool, record_property: Counted
) -> None:
    chance = random.Random(seed)
    kills = STORM_KILLS if storm else KILLS
    of_servers = STORM_SERVER_KILLS if storm else SERVER_KILLS
    stormy.start()
    over = Event()
    with ThreadPoolExecutor(1) as pool:
        uploads = pool.submit(_upload_until, over, stormy)
        try:
            killed = _storm(stormy, chance, kills, of_servers)
        finally:
            over.set()
        acknowledged = uploads.result(timeout=30)
    print(f"killed: {dict(killed)}, acknowledged: {len(acknowledged)}")
    assert killed.total() == kills, killed
    assert len(acknowledged) >= kills // 3
    record_property("kills", killed.total())

    stormy.wait_ready()
    with stormy.client() as client:
        for document, content in acknowledged.items():
            shown = settled(client, document, seconds=SETTLE_SECONDS)
            assert shown["status"] == "ready", shown
            assert client.get(f"/api/v1/documents/{document}/original").content == content
            _assert_each_chunk_once(client, document, shown["chunks_total"])
        listed = client.get("/api/v1/collections/default").json()
        # An upload that was not acknowledged was tried again, and found itself there.
        assert listed["documents"] == len(acknowledged)
    stormy.close()
    rows = verified(stormy.home)
    assert sum(row["chunks"] for row in rows) == listed["chunks"]


def test_a_worker_that_was_frozen_past_its_lease_changes_nothing_when_it_wakes(
    stormy: Server,
) -> None:
    stormy.start()
    wait_until(lambda: len(stormy.workers()) == 2, "two workers")
    # The one has all the work: the other is frozen before there is any, and woken for the rest.
    busy, spare = stormy.workers()
    spare.suspend()
    paths = sorted(shared("docs/owasp").glob("*.md"), key=lambda path: -path.stat().st_size)
    contents = [path.read_bytes()[:FROZEN_BYTES] for path in paths[:4]]
    with stormy.client() as client:
        sent = [_acknowledged(stormy, f"{n}.md", content) for n, content in enumerate(contents)]
        leased = wait_until(lambda: _jobs(client, "leased"), "a job at work", every=0.01)
        busy.suspend()
        spare.resume()
        for document in sent:
            assert settled(client, document, seconds=SETTLE_SECONDS)["status"] == "ready"
        done = {job["id"]: job for job in _jobs(client, "done")}
        head = client.get("/api/v1/collections/default").json()["head"]
        assert {job["id"] for job in leased} <= done.keys()
        busy.resume()
        # It is asked for nothing else: what it does now, it does with leases that it has lost.
        wait_until(lambda: _lost(stormy), "a word about the lost lease")
        assert {job["id"]: job for job in _jobs(client, "done")} == done
        assert client.get("/api/v1/collections/default").json()["head"] == head == len(sent)
        for document in sent:
            total = client.get(f"/api/v1/documents/{document}").json()["chunks_total"]
            _assert_each_chunk_once(client, document, total)
    stormy.close()
    verified(stormy.home)


def _jobs(client: httpx.Client, state: str) -> list[dict[str, Any]]:
    reply = client.get("/api/v1/jobs", params={"state": state, "limit": 200})
    return list(reply.json()["items"])


def _lost(server: Server) -> bool:
    return any(event["event"] == "job.lease_lost" for event in server.events())


def _storm(server: Server, chance: random.Random, kills: int, of_servers: int) -> Counter[str]:
    killed: Counter[str] = Counter()
    deadline = time.monotonic() + STORM_SECONDS
    server_due = {kills * (n + 1) // (of_servers + 1) for n in range(of_servers)}
    while killed.total() < kills and time.monotonic() < deadline:
        Event().wait(chance.uniform(0.1, 2.0))
        if killed.total() in server_due:
            server_due.remove(killed.total())
            server.kill()
            killed["server"] += 1
            Event().wait(chance.uniform(0.0, 0.5))
            server.start()
            continue
        assert server.running.poll() is None, server.tail()
        target = _target(server, chance)
        if target is not None:
            killed[_shoot(target)] += 1
    return killed


def _target(server: Server, chance: random.Random) -> psutil.Process | None:
    """Somebody who lives: a worker rather than the database, when there is one."""
    workers = server.workers()
    postmaster = server.postmaster()
    if workers and (postmaster is None or chance.random() < 0.7):
        return chance.choice(workers)
    return postmaster


def _shoot(process: psutil.Process) -> str:
    kind = "worker" if "worker" in process.cmdline() else "postgres"
    process.kill()
    wait_until(lambda: not _lives(process), f"the end of {process}", seconds=10)
    return kind


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _upload_until(over: Event, server: Server) -> dict[str, bytes]:
    """Documents that were acknowledged; one that was not is sent until it is."""
    acknowledged: dict[str, bytes] = {}
    for number, content in enumerate(_slices(shared("docs/owasp"))):
        document = _acknowledged(server, f"slice-{number}.md", content)
        acknowledged[document] = content
        if over.wait(0.4):
            return acknowledged
    raise AssertionError("The storm was longer than the data.")


def _acknowledged(server: Server, name: str, content: bytes) -> str:
    deadline = time.monotonic() + 90.0
    while time.monotonic() < deadline:
        try:
            with server.client(seconds=10) as client:
                reply = client.post(
                    "/api/v1/collections/default/documents", files={"file": (name, content)}
                )
        except (httpx.TransportError, OSError, ValueError):
            Event().wait(0.2)  # The server is not there, or was killed while it answered.
            continue
        if reply.status_code == 202:
            return str(reply.json()["document"]["id"])
        assert reply.status_code == 503, reply.text
        Event().wait(0.2)
    raise AssertionError(f"No acknowledgment of {name} in 90 s:\n{server.tail()}")


def _slices(folder: Path) -> list[bytes]:
    texts = [path.read_text("utf-8") for path in sorted(folder.glob("*.md"))]
    pieces = [text[i : i + SLICE] for text in texts for i in range(0, len(text), SLICE)]
    return [f"Piece {n}.\n\n{piece}".encode() for n, piece in enumerate(pieces)]


def _assert_each_chunk_once(client: httpx.Client, document: str, total: int) -> None:
    text = client.get(f"/api/v1/documents/{document}/text").json()["text"]
    path = f"/api/v1/documents/{document}/chunks"
    chunks = client.get(path, params={"limit": 200}).json()["items"]
    assert [chunk["ordinal"] for chunk in chunks] == list(range(total))
    assert all(text[c["start"] : c["end"]] == c["text"] for c in chunks)
