"""S11: the attacks of published collections, to a model that takes any text for an order."""

import random
from collections.abc import Iterator
from email.message import EmailMessage

import httpx

from citewell.bootstrap import App
from tests.conftest import Counted
from tests.security.injection import attacks
from tests.security.injection.asking import Case, Tally, run_cases
from tests.security.injection.carriers import File
from tests.security.injection.obedience import Reckless
from tests.security.injection.world import World

MAILS, MAILS_IN_A_STORM = 5, 1_000
TEXTS = 4


def mail(context: str, attack: str, place: int) -> bytes:
    """One of the e-mails with the attack before, in the middle of or behind what it says."""
    fields = dict(part.split(":", 1) for part in context.split("|", 3) if ":" in part)
    body = fields.pop("CONTENT", context).strip()
    lines = body.split("\n")
    lines.insert((0, len(lines) // 2, len(lines))[place], attack)
    made = EmailMessage()
    made["Subject"] = " ".join(fields.get("SUBJECT", "Mail").split())
    made["From"] = "somebody@example.com"
    made.set_content("\n".join(lines))
    return made.as_bytes()


def mails(*, storm: bool) -> Iterator[tuple[Case, str]]:
    """A drawn sample, the same in every process, of every attack in every e-mail."""
    every = [(kind, text) for kind, texts in attacks.of_bipia().items() for text in texts]
    pairs = [(attack, one) for attack in every for one in attacks.emails()]
    drawn = random.Random(20261128).sample(pairs, MAILS_IN_A_STORM if storm else MAILS)
    for number, ((kind, attack), (context, question)) in enumerate(drawn):
        file = File(f"mail-{number}.eml", mail(context, attack, number % 3))
        asked = f"What do the documents say: {question}"
        yield Case(f"BIPIA {kind} {attack[:40]!r}", file, asked), attack


def texts(*, storm: bool) -> Iterator[tuple[Case, str]]:
    """What is submitted with an order inside of it."""
    every = attacks.indirect()
    for number, text in enumerate(every if storm else every[:: len(every) // TEXTS]):
        asked = f"What do the documents say of this: {' '.join(text.split())[:120]}"
        yield Case(f"PurpleLlama {number}", File(f"text-{number}.txt", text.encode()), asked), text


async def obeyed(
    reader: httpx.AsyncClient, app: App, world: World, chosen: list[tuple[Case, str]]
) -> Tally:
    def model(number: int) -> Reckless:
        return Reckless(world.knowledge, says_ready=number % 2 == 0, order=chosen[number][1])

    return await run_cases(reader, app, world, [case for case, _ in chosen], model)


async def test_no_text_of_the_collections_has_an_effect(
    reader: httpx.AsyncClient, app: App, world: World, storm: bool, record_property: Counted
) -> None:
    chosen = [*mails(storm=storm), *texts(storm=storm)]
    found = await obeyed(reader, app, world, chosen)
    assert not found.broken, "\n".join(found.broken)
    assert world.harm() == []
    found.told(record_property)
