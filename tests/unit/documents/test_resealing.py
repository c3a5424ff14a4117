"""A tenant is sealed, and sealed anew, while it is used; a kill only costs the batch at hand."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from citewell.documents.sealing.encryption import Encryption
from citewell.documents.sealing.resealing import Resealing
from citewell.domain.documents import Document
from citewell.domain.errors import ConflictError, DamagedError, LeaseLostError
from citewell.domain.ids import ConversationId
from citewell.domain.jobs import JobKind, JobState, Lease
from citewell.storage.database import Database
from citewell.storage.repositories.sealing.data_keys import KeyState
from citewell.storage.repositories.sealing.sealed import Position, SealedRepository, Store
from citewell.storage.sealing.masters import MasterKeys
from tests.unit.documents.conftest import Library, whole
from tests.unit.storage.rows import ask

KEY, NEXT = MasterKeys((bytes(range(32)),)), MasterKeys((bytes(range(9, 41)), bytes(range(32))))
CANARY = "quokka lantern 7319"
BOOK = (
    "\n\n".join(f"# Part {n}\n\n{CANARY} in part {n}. " + "Tide. " * 300 for n in range(9))
).encode()


@dataclass(slots=True)
class House:
    """A library with a book and a question in it, and the job that seals them."""

    library: Library
    book: Document
    resealing: Resealing

    @property
    def database(self) -> Database:
        return self.library.database

    async def work(self) -> None:
        await self.resealing.run(await self.claim())

    async def claim(self) -> Lease:
        lease = await self.library.claim()
        assert lease.job.kind is JobKind.RESEAL
        return lease

    async def rotate(self) -> None:
        encryption = Encryption(self.database, self.library.blobs)
        (line,) = await encryption.rotate()
        assert line["started"]
        self.database.vault.forget()
        await self.work()  # It is made known, promoted, and settles.
        self.database.vault.forget()
        await self.due()

    async def due(self) -> None:
        async with self.database.engine.begin() as connection:
            await connection.execute(text("UPDATE jobs SET run_after = now()"))

    async def check_readable(self) -> None:
        shown, content = await self.library.documents.original(self.library.owner, self.book.id)
        assert whole(content) == BOOK
        parsed = (await self.library.documents.text(self.library.owner, shown.id)).parsed
        assert parsed.text.count(CANARY) == 9
        assert [heading.text for heading in parsed.headings] == [f"Part {n}" for n in range(9)]
        assert sum(CANARY in text for text in await self.library.chunk_texts(self.book)) == 9

    async def counts(self) -> dict[str, tuple[object, object]]:
        lines = await Encryption(self.database, self.library.blobs).status()
        return {str(line["store"]): (line["sealed"], line["total"]) for line in lines}

    async def trail(self) -> list[tuple[str, str]]:
        """What is on record about keys: action and key, the oldest first."""
        async with self.database.transaction(self.library.owner.tenant_id) as tx:
            records = reversed(await tx.audit.page())
            assert (await tx.audit.verify()).broken is None
        keys = [one for one in records if one.action.startswith("encryption.")]
        assert all(one.actor is None for one in keys)
        return [(one.action, one.target) for one in keys]

    async def states(self) -> list[KeyState]:
        self.database.vault.forget()
        return [key.state for key in await self.database.vault.ring()]

    async def dump(self) -> bytes:
        """Everything that is stored, but for titles and vectors."""
        found = b"".join(path.read_bytes() for path in self.library.files())
        async with self.database.engine.begin() as connection:
            for table in (
                "document_versions",
                "conversations",
                "runs",
                "run_events",
                "messages",
                "citations",
                "memories",
            ):
                rows = await connection.execute(text(f"SELECT to_jsonb(t)::text FROM {table} t"))
                found += "".join(rows.scalars()).encode()
            rows = await connection.execute(text("SELECT to_jsonb(t)::text FROM chunks t"))
            found += "".join(rows.scalars()).encode()
        return found


@pytest.fixture
async def house(plain_library: Library) -> House:
    book = await plain_library.ready("book.md", BOOK)
    await ask(plain_library.database, plain_library.owner.tenant_id, f"Where is the {CANARY}?")
    resealing = Resealing(
        plain_library.database, plain_library.blobs, known_seconds=0.0, settled_seconds=0.0
    )
    return House(plain_library, book, resealing)


async def test_an_installation_is_sealed_while_it_serves(house: House) -> None:
    assert CANARY.encode() in await house.dump()
    await house.database.vault.unlock(KEY)
    await house.check_readable()
    assert (await house.counts())["blobs"] == (0, 1)
    lease = await house.claim()
    await house.resealing.run(lease)
    await house.check_readable()
    assert CANARY.encode() not in await house.dump()
    assert all(sealed == total for sealed, total in (await house.counts()).values())
    (key,) = await house.database.vault.ring()
    assert key.complete
    async with house.database.transaction(lease.job.tenant_id) as tx:
        done = await tx.jobs.get(lease.job.id)
    assert done.state is JobState.DONE
    assert done.progress_done == done.progress_total > 9


async def test_after_that_nothing_plain_is_believed(house: House) -> None:
    await house.database.vault.unlock(KEY)
    await house.work()
    house.database.vault.forget()
    async with house.database.engine.begin() as connection:
        await connection.execute(text("UPDATE chunks SET text = 'forged'"))
    with pytest.raises(DamagedError, match=r"chunks\.text"):
        await house.library.chunk_texts(house.book)
    (file,) = house.library.files()
    file.rename(file.with_suffix(""))
    with pytest.raises(DamagedError, match="blobs"):
        await house.library.documents.original(house.library.owner, house.book.id)


async def test_a_rotation_replaces_the_key_everywhere_and_erases_the_old_one(house: House) -> None:
    await house.database.vault.unlock(KEY)
    await house.work()
    before = await house.dump()
    old = (await house.database.vault.ring())[0].id
    await house.database.vault.unlock(NEXT)
    await house.rotate()
    assert await house.states() == [KeyState.RETIRING, KeyState.ACTIVE]
    await house.check_readable()
    await house.work()
    assert await house.states() == [KeyState.RETIRED, KeyState.ACTIVE]
    await house.check_readable()
    after = await house.dump()
    assert old.hex.encode() in before
    assert old.hex.encode() not in after
    retired, active = await house.database.vault.ring()
    assert retired.stored is None
    assert active.stored is not None
    assert active.stored.master == NEXT.first
    first, second = str(retired.id), str(active.id)
    assert await house.trail() == [
        ("encryption.begin", first),
        ("encryption.complete", first),
        ("encryption.rotate", second),
        ("encryption.complete", second),
    ]
    # The master key before it seals nothing any more.
    await house.database.vault.unlock(MasterKeys(NEXT.keys[:1]))
    await house.check_readable()


async def test_a_second_rotation_waits_for_the_end_of_the_first(house: House) -> None:
    await house.database.vault.unlock(KEY)
    encryption = Encryption(house.database, house.library.blobs)
    assert [line["started"] for line in await encryption.rotate()] == [False]
    await house.work()
    await house.rotate()
    assert [line["started"] for line in await encryption.rotate()] == [False]


async def test_of_two_who_give_a_new_key_at_once_one_does(house: House) -> None:
    await house.database.vault.unlock(KEY)
    await house.work()
    tenant = house.library.owner.tenant_id
    begun = await asyncio.gather(*(house.database.vault.rotate(tenant) for _ in range(4)))
    assert sorted(begun) == [False, False, False, True]
    assert await house.states() == [KeyState.ACTIVE, KeyState.INCOMING]
    assert len(await house.trail()) == 3


async def test_a_rotation_that_cannot_be_recorded_does_not_begin(house: House) -> None:
    await house.database.vault.unlock(KEY)
    await house.work()
    async with house.database.engine.begin() as connection:
        await connection.execute(
            text(
                "ALTER TABLE audit_log ADD CONSTRAINT refusing"
                " CHECK (action <> 'encryption.rotate') NOT VALID"
            )
        )
    try:
        with pytest.raises(IntegrityError, match="refusing"):
            await Encryption(house.database, house.library.blobs).rotate()
        assert await house.states() == [KeyState.ACTIVE]
    finally:
        async with house.database.engine.begin() as connection:
            await connection.execute(text("ALTER TABLE audit_log DROP CONSTRAINT refusing"))


async def test_a_job_that_ends_anywhere_is_taken_up_where_it_was(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.database.vault.unlock(KEY)
    reseal, calls = SealedRepository.reseal, [0, 0]

    async def dies(
        self: SealedRepository, store: Store, after: Position | None
    ) -> tuple[Position | None, int]:
        calls[0] += 1
        if calls[0] == calls[1]:
            raise ConnectionAbortedError
        return await reseal(self, store, after)

    monkeypatch.setattr(SealedRepository, "reseal", dies)
    for fatal in range(1, 8):
        calls[:] = [0, fatal]
        lease = await house.claim()
        with pytest.raises(ConnectionAbortedError):
            await house.resealing.run(lease)
        await house.check_readable()
        async with house.database.engine.begin() as connection:
            await connection.execute(text("UPDATE jobs SET state = 'queued' WHERE kind = 'reseal'"))
        with pytest.raises(LeaseLostError):
            await house.resealing.run(lease)
    monkeypatch.undo()
    await house.work()
    await house.check_readable()
    assert CANARY.encode() not in await house.dump()


async def test_what_is_written_and_read_meanwhile_is_neither_lost_nor_left_plain(
    house: House,
) -> None:
    await house.database.vault.unlock(KEY)
    await house.work()
    over = asyncio.Event()
    told: list[ConversationId] = []

    async def live() -> None:
        while not over.is_set():
            await house.check_readable()
            told.append(
                await ask(house.database, house.library.owner.tenant_id, f"{CANARY} {len(told)}?")
            )

    async with asyncio.TaskGroup() as group:
        group.create_task(live())
        for _ in range(2):
            await house.rotate()
            await house.work()
        over.set()
    assert told
    house.database.vault.forget()
    for number, conversation in enumerate(told):
        async with house.database.transaction(house.library.owner.tenant_id) as tx:
            (message,) = await tx.conversations.messages(conversation)
        assert message.text == f"{CANARY} {number}?"
    assert CANARY.encode() not in await house.dump()
    assert all(sealed == total for sealed, total in (await house.counts()).values())


async def test_a_key_seals_only_after_everybody_can_know_it(house: House) -> None:
    await house.database.vault.unlock(KEY)
    await house.work()
    patient = Resealing(house.database, house.library.blobs)
    await Encryption(house.database, house.library.blobs).rotate()
    lease = await house.claim()
    await patient.run(lease)
    assert await house.states() == [KeyState.ACTIVE, KeyState.INCOMING]
    async with house.database.transaction(lease.job.tenant_id) as tx:
        waiting = await tx.jobs.get(lease.job.id)
    assert (waiting.state, waiting.error_code) == (JobState.QUEUED, "waiting")


async def test_sealing_cannot_be_cancelled(house: House) -> None:
    await house.database.vault.unlock(KEY)
    lease = await house.claim()
    with pytest.raises(ConflictError, match="cannot be stopped"):
        await house.library.queue.cancel(house.library.owner, lease.job.id)


async def test_a_job_about_a_key_that_is_no_more_is_done(house: House) -> None:
    await house.database.vault.unlock(KEY)
    await house.work()
    async with house.database.transaction(house.library.owner.tenant_id) as tx:
        job = await tx.jobs.enqueue(JobKind.RESEAL, UUID(int=5))
    await house.work()
    async with house.database.transaction(house.library.owner.tenant_id) as tx:
        assert (await tx.jobs.get(job)).state is JobState.DONE
