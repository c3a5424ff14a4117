"""New data keys while the worker that seals is killed with `kill -9`, again and again.

The worker is the product's own process. Its patience is what makes a rotation slow, not its work:
here the database is told that the time has passed.
"""

import asyncio
import base64
import random
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from citewell.documents.sealing.encryption import Encryption
from citewell.storage.repositories.sealing.data_keys import KeyState, RingKey
from citewell.storage.sealing.masters import MasterKeys
from tests.conftest import Counted
from tests.journeys.conftest import command, end_all, environment
from tests.unit.documents.test_resealing import CANARY, House
from tests.unit.storage.rows import add_searchable, ask

# Beside one in every rotation at the moment when the new key begins to seal.
ROTATIONS, STORM_ROTATIONS = 1, 8
KILLS, STORM_KILLS = 3, 6
DOCUMENTS, QUESTIONS, FILES = 40, 200, 30
SECONDS = 60.0
MASTER = bytes(range(3, 35))


@dataclass(slots=True)
class Seen:
    """How far the job is: the share of what there is to seal, and whether it has ended."""

    state: str
    share: float
    leased: bool


@dataclass(slots=True)
class Rotating:
    """A tenant and, one after the other, the processes that give it a new key."""

    house: House
    home: Path
    url: str
    killed: list[str] = field(default_factory=list)

    async def begin(self) -> RingKey:
        """What `citewell encryption rotate` does; returns the new key."""
        lines = await Encryption(self.house.database, self.house.library.blobs).rotate()
        assert [line["started"] for line in lines] == [True]
        return (await self.house.database.vault.ring())[-1]

    async def pass_time(self) -> None:
        """Every process knows the key, and whoever had the one before it has written."""
        async with self.house.database.engine.begin() as connection:
            for change in (
                "UPDATE data_keys SET created_at = created_at - interval '1 hour',"
                " activated_at = activated_at - interval '1 hour'",
                "UPDATE jobs SET run_after = now() WHERE kind = 'reseal'",
            ):
                await connection.execute(text(change))

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        """A worker for as long as the context lasts; then it is killed, and its lease given back.

        Which is what the server does for its workers; a lease would end by itself in 15 s.
        """
        worker_id = uuid4()
        settings = {
            "DATABASE_URL": self.url,
            "CITEWELL_ENCRYPTION__ENABLED": "true",
            "CITEWELL_ENCRYPTION__KEY": base64.b64encode(MASTER).decode(),
            # It embeds nothing, and need not load the bundled model.
            "CITEWELL_EMBEDDING__MODEL": "openai:none",
            "CITEWELL_EMBEDDING__DIMENSION": "4",
        }
        with (self.home / "worker.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command("worker", "--id", str(worker_id)),
                env=environment(self.home, **settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            yield
            assert process.returncode is None, (self.home / "worker.log").read_text("utf-8")
        finally:
            process.kill()
            await process.wait()
        async with self.house.database.system() as system:
            await system.release(worker_id)

    async def promoted(self, key: UUID) -> None:
        """Return when the key seals."""
        deadline = time.monotonic() + SECONDS
        while True:
            states = {one.id: one.state for one in await self.house.database.vault.ring()}
            if states[key] is KeyState.ACTIVE:
                return
            assert time.monotonic() < deadline, f"The key does not seal: {states}"
            await asyncio.sleep(0.005)

    async def reached(self, key: UUID, share: float) -> Seen:
        """How far the job is when so much is done, or when it has ended."""
        deadline = time.monotonic() + SECONDS
        while True:
            seen = await self.look(key)
            if seen.state == "done" or (seen.leased and seen.share >= share):
                return seen
            assert seen.state in {"queued", "leased"}, seen
            assert time.monotonic() < deadline, f"The job does not go on: {seen}"
            await asyncio.sleep(0.002)

    async def look(self, key: UUID) -> Seen:
        async with self.house.database.engine.begin() as connection:
            found = await connection.execute(
                text(
                    "SELECT state, progress_done, progress_total, lease_token FROM jobs"
                    " WHERE kind = 'reseal' AND subject = :key"
                ),
                {"key": key},
            )
            state, done, total, token = found.one()
        return Seen(state, done / total if total else 0.0, token is not None)

    async def replace_key(self, points: list[float], drawn: random.Random) -> None:
        """One rotation, killed when the key begins to seal and at these shares of the work."""
        key = (await self.begin()).id
        await self.pass_time()
        async with self.worker():
            await self.promoted(key)
        self.killed.append("promoted")
        await self.pass_time()
        for point in points:
            async with self.worker():
                seen = await self.reached(key, point)
                # Files come first and tell no progress; a transaction is cut anywhere.
                await asyncio.sleep(drawn.uniform(0.0, 0.02))
            if (await self.look(key)).state != "done":
                self.killed.append(f"{seen.share:.2f}")
        async with self.worker():
            assert (await self.reached(key, 2.0)).state == "done"


@pytest.fixture
async def rotating(house: House, tmp_path: Path, postgres_url: str) -> AsyncIterator[Rotating]:
    """Everything is sealed with a first key, and there is enough of it to be caught at work."""
    library = house.library
    for number in range(FILES):
        await library.add(f"{number}.txt", f"{CANARY} {number} ".encode() * 500)
    tenant = library.owner.tenant_id
    async with library.database.transaction(tenant) as tx:
        for number in range(DOCUMENTS):
            await add_searchable(tx, filename=f"{number}.txt", chunks=50)
    for number in range(QUESTIONS):
        await ask(library.database, tenant, f"{CANARY} {number}?")
    async with library.database.engine.begin() as connection:
        await connection.execute(text("UPDATE jobs SET state = 'done'"))
    await house.database.vault.unlock(MasterKeys((MASTER,)))
    await house.work()
    yield Rotating(house, tmp_path, postgres_url)
    end_all(tmp_path)


async def test_a_worker_that_is_killed_anywhere_loses_nothing_and_leaves_nothing_under_an_old_key(
    rotating: Rotating, seed: int, storm: bool, record_property: Counted
) -> None:
    house, drawn = rotating.house, random.Random(seed)
    rotations = STORM_ROTATIONS if storm else ROTATIONS
    kills = STORM_KILLS if storm else KILLS
    planned = 0
    for _ in range(rotations):
        points = [0.0, *sorted(drawn.uniform(0.0, 0.95) for _ in range(kills - 1))]
        planned += 1 + len(points)
        await rotating.replace_key(points, drawn)
        *retired, active = await house.database.vault.ring()
        assert [one.state for one in retired] == [KeyState.RETIRED] * len(retired)
        assert (active.state, active.complete) == (KeyState.ACTIVE, True)
        assert all(one.stored is None for one in retired), "an old key is erased"
        house.database.vault.forget()
        await house.check_readable()
        counts = await house.counts()
        # The rows of documents that are here for their chunks name no file.
        assert counts.pop("blobs") == (1 + FILES, 1 + FILES + DOCUMENTS)
        assert all(sealed == total for sealed, total in counts.values()), counts
        stored = await house.dump()
        assert active.id.hex.encode() in stored
        assert not [one.id for one in retired if one.id.hex.encode() in stored]
    print(f"killed at {rotating.killed}")
    assert len(rotating.killed) >= 0.9 * planned, "too few were caught at work"
    assert len(await house.trail()) == 2 + 2 * rotations
    await check_questions(house)
    record_property("rotations", rotations)
    record_property("kills", len(rotating.killed))


async def check_questions(house: House) -> None:
    """What was asked is there as it was asked."""
    async with house.database.transaction(house.library.owner.tenant_id) as tx:
        found = [
            message.text
            for row in await tx.conversations.connection.execute(
                text("SELECT id FROM conversations ORDER BY id")
            )
            for message in await tx.conversations.messages(row.id)
        ]
    known = [f"Where is the {CANARY}?", *(f"{CANARY} {n}?" for n in range(QUESTIONS))]
    assert sorted(found) == sorted(known)
