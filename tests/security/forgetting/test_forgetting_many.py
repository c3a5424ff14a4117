"""Many people with many documents, questions and copies: forgotten in time, to the last byte."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import Counted
from tests.journeys.conftest import Server, end_all, wait_until
from tests.journeys.test_privacy_guide import traces

PEOPLE, STORM_PEOPLE = 2, 8
DOCUMENTS, STORM_DOCUMENTS = 3, 40
QUESTIONS, STORM_QUESTIONS = 2, 15
LOGICAL_SECONDS = 60.0
PATIENCE = 300.0
PASSWORD = "nine quiet lighthouses"
UNLIMITED = {"CITEWELL_LIMITS__REQUESTS_PER_ADDRESS": "1000000"}


@dataclass(slots=True)
class Person:
    """Somebody, and the words that only they have written or are called by."""

    id: str
    name: str
    canary: str
    documents: bool
    title: str
    asked_at: float = 0.0
    erased_after: float = 0.0
    scrubbed_after: float = 0.0
    receipt: dict[str, Any] = field(default_factory=dict)

    @property
    def marks(self) -> list[str]:
        """What must be nowhere once they are forgotten."""
        return [self.name, self.canary, *([self.title] if self.documents else [])]


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Server]:
    """A server whose database lies in its data directory, so that every byte can be looked at."""
    made = Server(tmp_path / "home", tmp_path / "server.log", UNLIMITED)
    made.start()
    yield made
    made.close()
    end_all(made.home)


def settle_in(server: Server, number: int, documents: int, questions: int) -> Person:
    """A person who brings documents, asks, decides and has a copy made; every second one's
    documents are to go with them."""
    name, canary, title = (f"{word}{uuid4().hex}" for word in ("person", "canary", "title"))
    email = f"{name}@example.org"
    with server.client() as owner:
        body = {"name": name, "email": email, "password": PASSWORD, "role": "editor"}
        person = owner.post("/api/v1/users", json=body).json()["id"]
    with httpx.Client(base_url=server.address, timeout=PATIENCE, trust_env=False) as client:
        form = {"username": email, "password": PASSWORD}
        # An access token lives for five minutes; a key does not end before its person.
        token = client.post("/api/v1/auth/token", data=form).json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        asked = {"name": canary, "scopes": ["admin"]}
        key = client.post("/api/v1/api-keys", json=asked, headers=headers).json()["key"]
        client.headers["authorization"] = f"Bearer {key}"
        for n in range(documents):
            text = f"# {title} {n}\n\nThe lamp {n} of {title} was lit in 18{n:02}.\n" * 3
            path = "/api/v1/collections/default/documents"
            sent = {"text": text, "title": f"{title} {n}"}
            assert client.post(path, json=sent).status_code == 202
        for n in range(questions):
            body = {"input": f"When was the lamp {n} lit, asks {canary}?"}
            assert client.post("/query", json=body).is_success
        decided = {"purpose": canary, "version": "1", "given": True}
        assert client.put("/api/v1/privacy/consents", json=decided).is_success
        export = client.post("/api/v1/privacy/exports", json={}).json()["id"]
        path = f"/api/v1/privacy/exports/{export}"
        wait_until(lambda: client.get(path).json()["state"] == "ready", "a copy", seconds=PATIENCE)
    return Person(person, name, canary, number % 2 == 0, title)


def forget(owner: httpx.Client, people: list[Person]) -> None:
    """Ask for all of them, then wait for each: first nothing is found, then the bytes are gone."""
    for one in people:
        one.asked_at = time.monotonic()
        body = {"person": one.id, "documents": one.documents}
        reply = owner.post("/api/v1/privacy/erasures", json=body)
        assert reply.status_code == 202, reply.text
        one.receipt = reply.json()
    for step, what in (("erased_at", "erased_after"), ("scrubbed_at", "scrubbed_after")):
        waiting = list(people)

        def is_over(step: str = step, what: str = what, waiting: list[Person] = waiting) -> bool:
            for one in list(waiting):
                one.receipt = owner.get(f"/api/v1/privacy/erasures/{one.receipt['id']}").json()
                if one.receipt[step]:
                    setattr(one, what, time.monotonic() - one.asked_at)
                    waiting.remove(one)
            return not waiting

        wait_until(is_over, f"{step} of everybody", seconds=PATIENCE, every=0.2)


def test_of_many_people_nothing_is_found_after_a_minute_and_no_byte_is_left(
    private: Server, storm: bool, record_property: Counted
) -> None:
    documents = STORM_DOCUMENTS if storm else DOCUMENTS
    questions = STORM_QUESTIONS if storm else QUESTIONS
    with ThreadPoolExecutor(2) as pool:
        numbers = range(STORM_PEOPLE if storm else PEOPLE)
        people = list(pool.map(lambda n: settle_in(private, n, documents, questions), numbers))
    with private.client() as owner:
        wait_until(
            lambda: (
                owner.get("/api/v1/collections/default").json()["documents"]
                == len(people) * documents
            ),
            "every document",
            seconds=PATIENCE,
        )
        assert all(traces(private.home, [one.canary]) for one in people)
        forget(owner, people)
        stay = [one for one in people if not one.documents]
        left = owner.get("/api/v1/collections/default").json()["documents"]
    assert left == len(stay) * documents, "what is the tenant's stays"
    rows = sum(sum(one.receipt["removed"].values()) for one in people)
    private.close()
    # The words of removed documents go with the index's next merge, or with this.
    rebuilt = private.cli("index", "rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    gone = [mark for one in people for mark in one.marks]
    assert traces(private.home, gone) == []
    assert [one for one in stay if not traces(private.home, [one.title])] == []
    logical = max(one.erased_after for one in people)
    assert logical <= LOGICAL_SECONDS
    for name, figure in {
        "people": len(people), "documents": len(people) * documents, "rows removed": rows,
        "seconds until nothing is found": f"{logical:.1f}",
        "seconds until no byte is left": f"{max(one.scrubbed_after for one in people):.1f}",
    }.items():  # fmt: skip
        record_property(name, figure)
