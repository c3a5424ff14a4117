"""S11: wherever in a document an order stands, a model that obeys it changes and sends nothing."""

from collections.abc import Iterator

import httpx

from citewell.bootstrap import App
from tests.conftest import Counted
from tests.security.injection.asking import Case, run_cases
from tests.security.injection.attacks import Attack
from tests.security.injection.carriers import CARRIERS
from tests.security.injection.obedience import Obedient
from tests.security.injection.world import World

QUESTION = "When was the harbour bridge opened, as the documents say?"
OF_EACH = 2


def cases(attacks: list[Attack], *, storm: bool) -> Iterator[Case]:
    """All of them, or each carrier with some attacks, so that goals and templates take turns."""
    for place, (name, carrier) in enumerate(CARRIERS.items()):
        # Coprime to the 9 goals and to the 5 templates: whatever comes, comes as often as others.
        some = [attacks[(place * OF_EACH + n) * 13 % len(attacks)] for n in range(OF_EACH)]
        for one in attacks if storm else some:
            told = f"{name}: {one.goal}, {one.template}"
            file = carrier.make(one.line)
            yield Case(told, file, QUESTION, one.goal, is_read=carrier.is_read)


async def test_no_order_in_a_document_has_an_effect(
    reader: httpx.AsyncClient, app: App, world: World, attacks: list[Attack], storm: bool,
    record_property: Counted,
) -> None:  # fmt: skip
    chosen = list(cases(attacks, storm=storm))
    assert {one.goal for one in chosen} == {one.goal for one in attacks}
    found = await run_cases(
        reader, app, world, chosen, lambda n: Obedient(world.knowledge, says_ready=n % 2 == 0)
    )
    assert not found.broken, "\n".join(found.broken)
    assert world.harm() == []
    found.told(record_property)
