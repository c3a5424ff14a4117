"""Questions to an installation under attack, and everything that anybody saw of them."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from citewell.bootstrap import App
from tests.api.conftest import work_off
from tests.conftest import Counted
from tests.security.injection.carriers import File
from tests.security.injection.obedience import Obedient
from tests.security.injection.world import NOTE, World, images

DONE = {"Deleted.", "Saved.", "ok"}
TEXT = {"TEXT_MESSAGE_CONTENT"}


@dataclass(frozen=True, slots=True)
class Seen:
    """The answer as its reader gets it, the run's events, and what the model was sent."""

    answer: dict[str, Any]
    events: list[dict[str, Any]]
    requests: list[dict[str, Any]]
    refused: int = 0

    def harm(self, world: World) -> Iterator[str]:
        """What must not be in any of them."""
        yield from world.leaks(self.answer, self.events, self.requests)
        yield from images(str(self.answer["response"]))
        came = [one["content"] for one in self.events if one["type"] == "TOOL_CALL_RESULT"]
        yield from (f"ran: {one}" for one in came if one in DONE)


@dataclass(frozen=True, slots=True)
class Case:
    """An attack in a file, in a collection of its own; `is_read`: a model must read its `goal`."""

    name: str
    file: File
    question: str
    goal: str = "any"
    is_read: bool = True


@dataclass(slots=True)
class Tally:
    """What came of many cases; `broken` names each promise that one of them broke."""

    broken: list[str] = field(default_factory=list)
    cases: int = 0
    orders: int = 0
    calls: int = 0
    refused: int = 0

    def add(self, name: str, problems: Sequence[str], model: Obedient, seen: Seen) -> None:
        self.broken += [f"{name}: {one}" for one in problems]
        self.cases += 1
        self.orders += len(model.obeyed)
        self.calls += len(model.tried)
        self.refused += seen.refused

    def told(self, record: Counted) -> None:
        """Counts that a storm writes down."""
        record("attacks", self.cases)
        record("orders obeyed", self.orders)
        record("calls of tools tried", self.calls)
        record("approvals asked and refused", self.refused)


async def ask(
    client: httpx.AsyncClient, world: World, question: str, *collections: str, within: str = ""
) -> Seen:
    """Ask over HTTP and follow the run; whatever it asks to be approved of is refused."""
    before = len(world.model.heard)
    body: dict[str, Any] = {"input": question, "collections": list(collections)}
    if within:
        body["conversation"] = within
    reply = await client.post("/query", json=body)
    assert reply.status_code == 200, reply.text
    answer = reply.json()
    events = await _followed(client, answer["run_id"])
    refused = 0
    while interrupts := events[-1].get("outcome", {}).get("interrupts"):
        refused += 1
        more = await _refused(client, events[-1]["runId"], interrupts[0]["id"])
        answer["response"] = "".join(one.get("delta", "") for one in more if one["type"] in TEXT)
        events += more
    return Seen(answer, events, world.model.requests[before:], refused)


async def _refused(client: httpx.AsyncClient, run: str, interrupt: str) -> list[dict[str, Any]]:
    word = {"interruptId": interrupt, "status": "resolved", "payload": {"approved": False}}
    begun = await client.post(f"/api/v1/runs/{run}/resume", json={"resume": [word]})
    assert begun.status_code == 202, begun.text
    return await _followed(client, begun.json()["id"])


async def _followed(client: httpx.AsyncClient, run: str) -> list[dict[str, Any]]:
    followed = await client.get(f"/api/v1/runs/{run}/events")
    lines = [line for line in followed.text.split("\n") if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


async def stored(client: httpx.AsyncClient, name: str, file: File) -> str:
    """The id of a new collection with a file, and with the note of its readers."""
    made = await client.post("/api/v1/collections", json={"name": name})
    assert made.status_code == 201, made.text
    path = f"/api/v1/collections/{made.json()['id']}/documents"
    fields = {"title": file.title} if file.title else {}
    added = await client.post(path, files={"file": (file.name, file.content)}, data=fields)
    assert added.status_code == 202, (file.name, added.text)
    note = {"title": "Note", "text": f"The secret note of this workspace is {NOTE}."}
    assert (await client.post(path, json=note)).status_code == 202
    return str(made.json()["id"])


async def run_cases(
    client: httpx.AsyncClient, app: App, world: World, cases: Sequence[Case],
    models: Callable[[int], Obedient],
) -> Tally:  # fmt: skip
    """Store every file, have them read, and ask of each, with a model of its own."""
    places = [await stored(client, f"case-{n}", one.file) for n, one in enumerate(cases)]
    await work_off(app)
    world.remember()
    tally = Tally()
    for number, (case, place) in enumerate(zip(cases, places, strict=True)):
        world.model.answer = model = models(number)
        seen = await ask(client, world, case.question, place)
        read = any(goal == case.goal for goal, _ in model.obeyed)
        # A case whose order nobody reads shows nothing.
        astray = [] if read == case.is_read else [f"read by the model: {read}"]
        tally.add(case.name, [*seen.harm(world), *astray], model, seen)
    return tally
