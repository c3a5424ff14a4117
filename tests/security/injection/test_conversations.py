"""S11: orders in earlier turns, in facts kept in mind, and in what tools say of themselves."""

from collections.abc import Awaitable, Callable, Iterator, Mapping

import httpx

from citewell.bootstrap import App
from tests.conftest import Counted
from tests.contract.chat_server import say
from tests.security.injection.asking import Seen, Tally, ask, stored
from tests.security.injection.attacks import Attack
from tests.security.injection.carriers import FACT, File
from tests.security.injection.obedience import Obedient
from tests.security.injection.planted import DEEDS
from tests.security.injection.world import World

from tests.api.conftest import work_off  # isort: skip

QUESTION = "When was the harbour bridge opened, as the documents say?"
OF_EACH = 3


async def after_a_turn(client: httpx.AsyncClient, world: World, place: str, order: str) -> Seen:
    """An earlier answer repeats an order, as one does that quotes a document."""
    obedient, world.model.answer = world.model.answer, lambda _: say(f"{FACT} [1] {order}")
    begun = (await client.post("/api/v1/conversations", json={"title": "Bridges"})).json()["id"]
    await ask(client, world, "When was the bridge opened?", place, within=begun)
    world.model.answer = obedient
    return await ask(client, world, QUESTION, place, within=begun)


async def with_a_fact(client: httpx.AsyncClient, world: World, place: str, order: str) -> Seen:
    """The reader has pasted an order among the facts that are kept in mind."""
    agreed = {"purpose": "memory", "version": "1", "given": True}
    assert (await client.put("/api/v1/privacy/consents", json=agreed)).status_code == 200
    kept = await client.post("/api/v1/memories", json={"text": order})
    assert kept.status_code == 201, kept.text
    seen = await ask(client, world, QUESTION, place)
    await client.delete(f"/api/v1/memories/{kept.json()['id']}")
    return seen


async def described(client: httpx.AsyncClient, world: World, place: str, order: str) -> Seen:
    """A tool's description holds an order."""
    DEEDS.description = order
    return await ask(client, world, QUESTION, place)


async def returned(client: httpx.AsyncClient, world: World, place: str, order: str) -> Seen:
    """What a tool gives is an order, and nothing that anybody else wrote was read before."""
    DEEDS.result = order
    return await ask(client, world, "How many documents are there in the archive of Mars?", place)


Way = Callable[[httpx.AsyncClient, World, str, str], Awaitable[Seen]]
WAYS: Mapping[str, Way] = {
    "earlier turn": after_a_turn,
    "fact": with_a_fact,
    "description of a tool": described,
    "result of a tool": returned,
}


def chosen(attacks: list[Attack], *, storm: bool) -> Iterator[tuple[str, Attack]]:
    """All of them, or each way with some attacks."""
    for place, way in enumerate(WAYS):
        some = [attacks[(place * OF_EACH + n) * 13 % len(attacks)] for n in range(OF_EACH)]
        yield from ((way, one) for one in (attacks if storm else some))


async def test_no_order_in_a_conversation_or_a_tool_has_an_effect(
    reader: httpx.AsyncClient, app: App, world: World, attacks: list[Attack], storm: bool,
    record_property: Counted,
) -> None:  # fmt: skip
    place = await stored(reader, "bridges", File("bridge.md", FACT.encode()))
    nothing = (await reader.post("/api/v1/collections", json={"name": "empty"})).json()["id"]
    await work_off(app)
    world.remember()
    found = Tally()
    for number, (way, attack) in enumerate(chosen(attacks, storm=storm)):
        DEEDS.forget_words()
        # Turns and facts are shown to who writes the answer, after those who use tools.
        ready = way in {"earlier turn", "fact"} or number % 2 == 0
        model = Obedient(world.knowledge, says_ready=ready)
        world.model.answer = model
        where = nothing if way == "result of a tool" else place
        seen = await WAYS[way](reader, world, where, attack.line)
        read = any(goal == attack.goal for goal, _ in model.obeyed)
        problems = [*seen.harm(world), *([] if read else ["the model has not read it"])]
        found.add(f"{way}: {attack.goal}, {attack.template}", problems, model, seen)
    assert not found.broken, "\n".join(found.broken)
    assert world.harm() == []
    found.told(record_property)
