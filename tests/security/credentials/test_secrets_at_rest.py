"""What the database holds of secrets, and what the time of a sign-in tells about who exists."""

import base64
import math
import random
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import httpx
import psycopg
import pytest
from argon2 import PasswordHasher
from psycopg import sql

from citewell.accounts.credentials import digest
from citewell.accounts.passwords import Passwords
from citewell.api.app import create_app
from citewell.bootstrap import App
from citewell.config import Settings
from citewell.domain.ids import DEFAULT_TENANT
from citewell.domain.principal import Role
from citewell.storage.database import Database
from citewell.storage.tables.schema import metadata
from tests.conftest import Counted
from tests.unit.accounts.people import PASSWORD, add_person

ADA = "ada@example.org"
PAIRS, STORM_PAIRS = 200, 1_000
# The hash of the storm's size costs what a server's costs; otherwise only what is around it counts.
QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
P = 0.01


def bearer(credential: str) -> dict[str, str]:
    return {"authorization": f"Bearer {credential}"}


async def made_of_every_kind(door: httpx.AsyncClient, app: App) -> dict[str, str]:
    """One secret of every kind that the server gives out or is given."""
    await add_person(app.accounts, DEFAULT_TENANT, ADA)
    form = {"username": ADA, "password": PASSWORD}
    pair = (await door.post("/api/v1/auth/token", data=form)).json()
    owner = bearer(app.admin_key)
    asked = {"name": "k", "scopes": ["search"]}
    once = {**owner, "idempotency-key": "once"}
    key = (await door.post("/api/v1/api-keys", json=asked, headers=once)).json()["key"]
    ticket = await door.post("/api/v1/auth/socket-ticket", headers=bearer(pair["access_token"]))
    person = {"name": "eve", "email": "eve@example.org", "password": "seven quiet lighthouses"}
    added = await door.post("/api/v1/users", json={**person, "role": "viewer"}, headers=once)
    assert added.status_code == 201, added.text
    assert (await door.post("/signin", json={"key": app.admin_key})).status_code == 204
    _, signing = await app.accounts.ring.signer()
    return {
        "password": PASSWORD,
        "password of somebody added": person["password"],
        "access token": pair["access_token"],
        "its signature": pair["access_token"].split(".")[2],
        "refresh token": pair["refresh_token"],
        "API key": key,
        "the secret in it": key.partition(".")[2],
        "ticket": ticket.json()["ticket"],
        "cookie": door.cookies["citewell_session"],
        "administrator's key": app.admin_key,
        "the installation's secret": app.accounts.ring.seal.secret,
        "sign-in code": app.accounts.issue_code(),
        "signing key": base64.urlsafe_b64encode(signing.private_bytes_raw()).decode(),
    }


def spellings(secret: str) -> set[str]:
    """As a text, as its bytes in the database's hex, and as the bytes that it spells."""
    found = {secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode()}
    plain = secret.removeprefix("cw_").partition(".")[2] or secret.removeprefix("cw_")
    if " " not in secret and "." not in plain:
        raw = base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
        found |= {raw.hex(), base64.b64encode(raw).decode()}
    return found


def dumped(url: str) -> str:
    """Every row of every table, as its owner reads it."""
    texts = []
    with psycopg.connect(url) as connection:
        connection.execute("SET row_security = off")
        for name in metadata.tables:
            rows = connection.execute(
                sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(name))
            )
            texts += [str(row[0]) for row in rows]
    return "\n".join(texts)


async def test_no_row_holds_a_secret_in_any_spelling(
    door: httpx.AsyncClient, app: App, postgres_url: str
) -> None:
    secrets = await made_of_every_kind(door, app)
    rows = dumped(postgres_url)
    found = {kind for kind, one in secrets.items() for text in spellings(one) if text in rows}
    assert found == set()
    for kind in ("refresh token", "API key", "ticket", "cookie", "administrator's key"):
        assert digest(secrets[kind]).hex() in rows, f"the dump lacks the row of the {kind}"
    assert rows.count("$argon2id$v=19$m=65536,t=3,p=4$") == 2


def separation(ones: Sequence[float], others: Sequence[float]) -> float:
    """The probability that two samples of one distribution differ as much (Kolmogorov, Smirnov).

    In the asymptotic form, with Stephens' correction for samples of this size.
    """
    places = sorted({*ones, *others})
    left, right = sorted(ones), sorted(others)
    widest, i, j = 0.0, 0, 0
    for place in places:
        while i < len(left) and left[i] <= place:
            i += 1
        while j < len(right) and right[j] <= place:
            j += 1
        widest = max(widest, abs(i / len(left) - j / len(right)))
    root = math.sqrt(len(left) * len(right) / (len(left) + len(right)))
    x = (root + 0.12 + 0.11 / root) * widest
    if x < 0.2:
        return 1.0
    terms = (math.exp(-2 * (k * x) ** 2) * (1 if k % 2 else -1) for k in range(1, 101))
    return min(1.0, 2 * sum(terms))


def test_samples_that_differ_are_told_apart_and_others_are_not(seed: int) -> None:
    drawn = random.Random(seed)
    ones, others = ([drawn.gauss(10, 1) for _ in range(400)] for _ in range(2))
    assert separation(ones, ones) == 1.0
    assert separation(ones, [one + 1 for one in others]) < 1e-6
    # In one of a million draws of the same distribution this is smaller.
    assert separation(ones, others) > 1e-6


@pytest.fixture
async def crowded(
    app: App, settings: Settings, storm: bool
) -> AsyncIterator[tuple[httpx.AsyncClient, App]]:
    """A door whose people all have passwords, and a proxy before it that names who comes."""
    await app.accounts.ring.ensure()
    passwords = Passwords() if storm else Passwords(QUICK)
    accounts = replace(app.accounts, passwords=passwords)
    limits = settings.limits.model_copy(update={"trusted_proxies": "127.0.0.1"})
    opened = replace(app, accounts=accounts)
    made = create_app(settings.model_copy(update={"limits": limits}), opened)
    made.state.server.app = opened
    transport = httpx.ASGITransport(made)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client, opened


async def populate(database: Database, stored: str, names: Sequence[str]) -> None:
    async with database.transaction(DEFAULT_TENANT) as tx:
        for name in names:
            person = await tx.users.add(name, name, stored)
            await tx.users.join(person, Role.VIEWER)


async def took(client: httpx.AsyncClient, name: str, address: int) -> float:
    """Seconds that the door needs to refuse a wrong password."""
    form = {"username": name, "password": "a wrong password, 1"}
    told = f"10.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"
    began = time.perf_counter()
    reply = await client.post("/api/v1/auth/token", data=form, headers={"x-forwarded-for": told})
    seconds = time.perf_counter() - began
    assert reply.status_code == 401, reply.text
    return seconds


async def test_the_time_of_a_refusal_does_not_tell_whether_there_is_such_a_person(
    crowded: tuple[httpx.AsyncClient, App],
    seed: int,
    storm: bool,
    record_property: Counted,
) -> None:
    """In pairs, in a random order within each, so that whatever the machine does befalls both.

    Equal distributions differ as much once in a hundred rounds by chance: a round that fails is
    decided by a second one of twice its size. A false alarm takes one chance in ten thousand.
    """
    client, app = crowded
    drawn = random.Random(seed)
    pairs = STORM_PAIRS if storm else PAIRS
    stored = await app.accounts.passwords.hash(PASSWORD)
    p, rounds = 0.0, 0
    for size in (pairs, 2 * pairs):
        rounds += 1
        known = [f"person-{rounds}-{n:05}@example.org" for n in range(size)]
        await populate(app.database, stored, known)
        seconds: dict[str, list[float]] = {"person": [], "nobody": []}
        for n, name in enumerate(known):
            both = [("person", name), ("nobody", name.replace("person", "nobody"))]
            drawn.shuffle(both)
            for i, (kind, one) in enumerate(both):
                seconds[kind].append(await took(client, one, 4 * n + i))
        p = separation(seconds["person"], seconds["nobody"])
        if p > P:
            break
    assert p > P, (p, rounds)
    record_property("pairs", pairs)
    record_property("p", f"{p:.3f}")
