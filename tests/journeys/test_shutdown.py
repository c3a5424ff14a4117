"""SIGTERM in the middle of work: the work is handed back, and everything ends in time."""

import signal
import time

from tests.journeys.conftest import STOP_SECONDS, Server, add, settled, shared, wait_until

PROMPT_SECONDS = 12.0


def _busy(server: Server) -> list[str]:
    """Give the server documents that take a while; returns when one is being read."""
    paths = sorted(shared("docs/owasp").glob("*Cheat_Sheet.md"), key=lambda p: -p.stat().st_size)
    with server.client() as client:
        documents = [add(client, path.name, path.read_bytes())["id"] for path in paths[:4]]
        wait_until(
            lambda: client.get("/api/v1/jobs", params={"state": "leased"}).json()["items"],
            "a job at work",
        )
    return documents


def test_a_stop_during_ingestion_hands_jobs_back_and_the_next_start_finishes_them(
    server: Server,
) -> None:
    documents = _busy(server)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < STOP_SECONDS
    drained = [e["jobs"] for e in server.events() if e["event"] == "worker.drained"]
    assert sum(drained) > 0, "No job was handed back."
    server.close()
    server.start()
    with server.client() as client:
        for document in documents:
            assert settled(client, document)["status"] == "ready"
        jobs = client.get("/api/v1/jobs").json()["items"]
    assert {job["state"] for job in jobs} == {"done"}


def test_a_second_signal_does_not_wait_for_anybody(server: Server) -> None:
    _busy(server)
    server.running.send_signal(signal.SIGTERM)
    wait_until(lambda: server.running.poll() is not None or not server.is_ready_now(), "a stop")
    if server.running.poll() is None:
        server.running.send_signal(signal.SIGTERM)
    assert server.running.wait(PROMPT_SECONDS) == 0
