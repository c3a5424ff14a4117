"""What people ask about themselves: decisions that stay, a whole copy, and to be forgotten."""

import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from citewell.accounts.credentials import digest, new_key
from citewell.accounts.privacy.erasing import Erasing
from citewell.accounts.privacy.exporting import Exporting
from citewell.accounts.privacy.retention import Clocks, Retention
from citewell.accounts.privacy.service import Privacy
from citewell.documents.removal import remove_uploads
from citewell.domain.errors import ConflictError, DeniedError, NotFoundError
from citewell.domain.ids import ErasureId, JobId, RunId, TenantId, UserId, new_id
from citewell.domain.jobs import Lease
from citewell.domain.passages import Answer, Citation
from citewell.domain.principal import Principal, Role, Scope
from citewell.domain.privacy import ReplayState
from citewell.domain.runs.approvals import Wanted
from citewell.storage.blobs import BlobStore
from citewell.storage.database import Database
from citewell.storage.ledger import Ledger
from citewell.storage.repositories.taking_in.arrivals import NewDocument
from citewell.storage.sealing import masters
from tests.unit.storage.rows import add_collection, execute

EVERYTHING = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Office:
    """One tenant with an owner, and the two jobs of privacy."""

    database: Database
    blobs: BlobStore
    owner: Principal
    privacy: Privacy
    exporting: Exporting
    erasing: Erasing

    async def person(self, role: Role = Role.EDITOR) -> Principal:
        async with self.database.transaction(self.owner.tenant_id) as tx:
            user = await tx.keys.ensure_user(f"Ada {uuid4().hex}", role)
            await tx.keys.ensure_key(user, "laptop", digest(new_key()), EVERYTHING)
        return replace(self.owner, user_id=user, role=role)

    async def talk(self, who: Principal, said: str) -> RunId:
        """One turn, with a citation and events."""
        run = RunId(new_id())
        async with self.database.transaction(who) as tx:
            conversation = await tx.conversations.create(who.user_id, said)
            told = [{"type": "answer", "text": said}]
            await tx.runs.create(run, conversation, who.user_id, {"text": said}, told)
            await tx.conversations.add_question(conversation, run, said)
            places = (new_id(), new_id(), new_id(), 0, 4, said, "t", "a.txt", 1, True)
            cited = Citation(1, 0, 4, *places)  # type: ignore[arg-type]  # any id will do
            answer = Answer(said, (cited,), grounded=1.0, answered=True)
            message = await tx.conversations.add_answer(conversation, run, answer)
            await tx.conversations.summarise(conversation, said, message)
            await tx.memories.add(who.user_id, said)
            wanted = Wanted(run, 1, "send", {"text": said}, "digest", ("egress",))
            await tx.approvals.ask(run, who.user_id, wanted, seconds=60.0)
            await tx.checkpoints.keep(run, run, "1", said)
            await tx.checkpoints.write(run, "1", [said])
        return run

    async def upload(self, who: Principal, content: bytes) -> None:
        async with self.database.transaction(who) as tx:
            collection = await add_collection(tx)
            sealing = partial(self.database.seal, who)
            blob = await self.blobs.put(pieces(content), limit=1_000, sealing=sealing)
            new = NewDocument(collection.id, "Title", "folder/file.txt")
            await tx.documents.arrive(new, blob, keeps_older=True)

    async def claim(self, kind: str) -> Lease:
        """The job of that kind; earlier ones are put aside."""
        await execute(self.database, f"UPDATE jobs SET run_after = now() WHERE kind = '{kind}'")
        await execute(self.database, f"UPDATE jobs SET state = 'done' WHERE kind <> '{kind}'")
        async with self.database.system() as system:
            [lease] = await system.claim(uuid4())
        return lease

    async def copy_of(self, who: Principal) -> dict[str, Any]:
        """The files of a fresh export, by name."""
        asked = await self.privacy.export(who, None)
        await self.exporting.run(await self.claim("export"))
        content = await self.privacy.fetch(who, asked.id)
        whole = content.read_bytes() if isinstance(content, Path) else b"".join(content)
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    async def forget(self, person: Principal, *, with_documents: bool = False) -> None:
        await self.privacy.erase(self.owner, person.user_id, with_documents=with_documents)
        await self.erasing.run(await self.claim("erase"))

    def files(self) -> list[bytes]:
        return [p.read_bytes() for p in self.blobs.folder.rglob("*") if p.is_file()]


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


@pytest.fixture
async def office(database: Database, tenant: TenantId, tmp_path: Path) -> Office:
    blobs, ledger = BlobStore(tmp_path / "blobs"), Ledger(tmp_path / "ledger")
    async with database.transaction(tenant) as tx:
        user = await tx.keys.ensure_user("administrator", Role.OWNER)
    return Office(
        database,
        blobs,
        Principal(tenant, user, Role.OWNER, EVERYTHING),
        Privacy(database, blobs),
        Exporting(database, blobs),
        Erasing(database, blobs, ledger, remove_uploads),
    )


async def test_a_withdrawal_follows_the_consent_and_does_not_replace_it(office: Office) -> None:
    ada = await office.person()
    await office.privacy.decide(ada, "statistics", "2026-01", given=True)
    await office.privacy.decide(ada, "statistics", "2026-02", given=False)
    found = await office.privacy.decisions(office.owner, ada.user_id)
    assert [(one.version, one.given) for one in found] == [("2026-02", False), ("2026-01", True)]
    assert found[0].at > found[1].at


async def test_a_copy_has_everything_of_its_person_and_nothing_of_others(office: Office) -> None:
    ada, eve = await office.person(), await office.person()
    for who, word in ((ada, "narwhal"), (eve, "walrus")):
        await office.talk(who, word)
        await office.upload(who, f"The {word} swims.".encode())
        await office.privacy.decide(who, word, "1", given=True)
    files = await office.copy_of(ada)
    manifest = json.loads(files.pop("manifest.json"))
    assert set(manifest["files"]) == set(files)
    for name, content in files.items():
        assert hashlib.sha256(content).hexdigest() == manifest["files"][name]["sha256"]
        assert b"walrus" not in content, name
        if name.startswith("data/"):
            assert len(json.loads(content)) == manifest["files"][name]["rows"]
    async with office.database.transaction(ada.tenant_id) as tx:
        held = await tx.people.counts(ada.user_id)
    # The copy that was asked for, and the record of it, are in it too; the job is not done yet.
    rows = {n[5:-5]: one["rows"] for n, one in manifest["files"].items() if "rows" in one}
    assert {name: count for name, count in rows.items() if count} == held | {
        "audit_log": held["audit_log"] - 1
    }
    assert {"users", "memberships", "api_keys", "messages", "citations", "run_events"} <= set(held)
    assert [c for n, c in files.items() if n.startswith("uploads/")] == [b"The narwhal swims."]
    assert b"narwhal" in files["data/messages.json"]


async def test_a_copy_is_whole_also_with_rows_whose_key_is_a_secret(office: Office) -> None:
    ada = await office.person()
    await execute(
        office.database,
        "INSERT INTO socket_tickets (digest, tenant_id, user_id, expires_at)"
        " VALUES (:digest, :tenant, :person, now() + interval '30 s')",
        digest=b"never to be shown", tenant=ada.tenant_id, person=ada.user_id,
    )  # fmt: skip
    [ticket] = json.loads((await office.copy_of(ada))["data/socket_tickets.json"])
    assert ticket["user_id"] == str(ada.user_id)
    assert "digest" not in ticket


async def test_only_the_person_and_those_above_get_a_copy(office: Office) -> None:
    ada, eve = await office.person(), await office.person()
    boss = await office.person(Role.ADMIN)
    asked = await office.privacy.export(ada, None)
    await office.exporting.run(await office.claim("export"))
    assert (await office.privacy.get_export(boss, asked.id)).size
    with pytest.raises(NotFoundError):
        await office.privacy.fetch(eve, asked.id)
    with pytest.raises(DeniedError):
        await office.privacy.export(eve, ada.user_id)
    with pytest.raises(DeniedError):
        await office.privacy.export(boss, office.owner.user_id)
    narrow = replace(ada, scopes=frozenset({Scope.SEARCH, Scope.ASK}))
    with pytest.raises(DeniedError):
        await office.privacy.fetch(narrow, asked.id)


async def test_whoever_is_forgotten_is_in_no_table_and_the_chain_of_records_holds(
    office: Office,
) -> None:
    ada, eve = await office.person(), await office.person()
    for who in (ada, eve):
        await office.talk(who, "something")
        await office.upload(who, b"bytes")
        await office.privacy.decide(who, "statistics", "1", given=True)
    await office.copy_of(ada)
    await office.forget(ada)
    async with office.database.transaction(ada.tenant_id) as tx:
        left = await tx.people.counts(ada.user_id)
        assert set(left) == {"audit_log", "erasures"}
        assert (await tx.audit.verify()).broken is None
        others = await tx.people.counts(eve.user_id)
    assert {"users", "messages", "consents", "document_versions"} <= set(others)
    assert office.files() == [b"bytes", b"bytes"], "the tenant's documents stay, the copy is gone"


async def test_the_documents_go_when_that_is_asked_for_unless_others_worked_on_them(
    office: Office,
) -> None:
    ada, eve = await office.person(), await office.person()
    await office.upload(ada, b"ada's")
    await office.upload(eve, b"eve's")
    await office.upload(ada, b"begun by ada")
    async with office.database.transaction(eve) as tx:
        newest = max(await tx.people.uploads(ada.user_id))
        sealing = partial(office.database.seal, eve)
        blob = await office.blobs.put(pieces(b"by eve"), limit=1_000, sealing=sealing)
        await tx.versions.add(newest, blob)
    await office.forget(ada, with_documents=True)
    assert sorted(office.files()) == [b"begun by ada", b"by eve", b"eve's"]


async def test_files_go_before_the_job_is_handed_back_as_nobody_works_without_a_lease(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await office.person()
    await office.upload(ada, b"ada's")
    await office.privacy.erase(office.owner, ada.user_id, with_documents=True)
    lease = await office.claim("erase")
    lost: list[set[JobId]] = []
    delete = BlobStore.delete

    async def watched(blobs: BlobStore, keys: Iterable[str]) -> None:
        async with office.database.system() as system:
            lost.append(await system.heartbeat([lease]))
        await delete(blobs, keys)

    monkeypatch.setattr(BlobStore, "delete", watched)
    await office.erasing.run(lease)
    assert lost == [set()]
    assert office.files() == []


async def test_what_is_written_while_a_person_is_forgotten_goes_in_the_second_step(
    office: Office,
) -> None:
    ada = await office.person()
    await office.talk(ada, "before")
    asked = await office.privacy.erase(office.owner, ada.user_id)
    assert asked.removed["messages"] == 2
    await office.erasing.run(await office.claim("erase"))
    await office.talk(ada, "a credential that was cached")
    await office.erasing.run(await office.claim("erase"))
    receipt = await office.privacy.get_erasure(office.owner, asked.id)
    assert receipt.removed["messages"] == 4
    assert receipt.removed["users"] == 1
    assert receipt.scrubbed_at is not None
    async with office.database.transaction(ada.tenant_id) as tx:
        assert set(await tx.people.counts(ada.user_id)) == {"audit_log", "erasures"} & set(
            await tx.people.counts(ada.user_id)
        )


async def test_nobody_erases_the_only_owner_or_somebody_above(office: Office) -> None:
    boss = await office.person(Role.ADMIN)
    with pytest.raises(ConflictError, match="only owner"):
        await office.privacy.erase(office.owner, None)
    with pytest.raises(DeniedError):
        await office.privacy.erase(boss, office.owner.user_id)
    with pytest.raises(NotFoundError):
        await office.privacy.erase(boss, UserId(new_id()))


async def test_a_database_from_before_the_erasure_is_erased_again(office: Office) -> None:
    ada = await office.person()
    await office.talk(ada, "something")
    await office.forget(ada)
    assert await states(office) == [ReplayState.KNOWN]
    # What a backup from before brings back: the person, and no word of the erasure.
    await execute(office.database, "DELETE FROM erasures")
    await execute(
        office.database,
        "INSERT INTO users (id, tenant_id, name) VALUES (:id, :tenant, 'Ada again')",
        id=ada.user_id,
        tenant=ada.tenant_id,
    )
    await office.talk(ada, "something")
    (again,) = await office.erasing.replay()
    assert (again.state, again.removed["users"]) == (ReplayState.ERASED, 1)
    async with office.database.transaction(ada.tenant_id) as tx:
        assert set(await tx.people.counts(ada.user_id)) <= {"audit_log", "erasures"}, "at once"
        (told, *_) = await tx.audit.page()
    assert (told.actor, told.action, told.target) == (None, "privacy.replay", str(ada.user_id))
    assert await states(office) == [ReplayState.KNOWN], "once is enough"
    # A server that is up may still believe a credential; the job takes what comes of that.
    await office.talk(ada, "a credential that was cached")
    await office.erasing.run(await office.claim("erase"))
    receipt = await office.privacy.get_erasure(office.owner, again.entry.id)
    assert receipt.scrubbed_at is not None
    assert receipt.removed["messages"] == 4


async def states(office: Office) -> list[ReplayState]:
    return [one.state for one in await office.erasing.replay()]


async def test_whose_erasure_would_leave_a_tenant_without_an_owner_is_told_and_tried_again(
    office: Office,
) -> None:
    boss = await office.person(Role.OWNER)
    await office.forget(boss)
    # The backup is from before there was another owner.
    await execute(office.database, "DELETE FROM erasures")
    await execute(office.database, "DELETE FROM memberships")
    for statement in (
        "INSERT INTO users (id, tenant_id, name) VALUES (:id, :tenant, 'Boss again')",
        "INSERT INTO memberships (id, tenant_id, user_id, role) VALUES (:id, :tenant, :id, 4)",
    ):
        await execute(office.database, statement, id=boss.user_id, tenant=boss.tenant_id)
    (refused,) = await office.erasing.replay()
    assert refused.state is ReplayState.REFUSED
    assert "only owner" in refused.reason
    await office.person(Role.OWNER)
    assert await states(office) == [ReplayState.ERASED]


async def test_an_entry_of_a_tenant_that_the_backup_does_not_know_harms_nothing(
    office: Office,
) -> None:
    ada = await office.person()
    await office.forget(ada)
    (known,) = office.erasing.ledger.entries()
    office.erasing.ledger.append(
        replace(known, id=ErasureId(new_id()), tenant_id=TenantId(new_id()))
    )
    assert await states(office) == [ReplayState.KNOWN, ReplayState.NO_TENANT]


async def test_a_line_of_the_ledger_that_was_cut_off_hides_no_other(
    office: Office, tmp_path: Path
) -> None:
    ledger, ada = office.erasing.ledger, await office.person()
    assert ledger.entries() == []
    await office.forget(ada)
    with (ledger.folder / "erasures.jsonl").open("a") as file:
        file.write('{"id": "0')
    eve = await office.person()
    ledger.append(await office.privacy.erase(office.owner, eve.user_id))
    assert [one.user_id for one in ledger.entries()] == [ada.user_id, eve.user_id]


async def test_clocks_remove_what_is_due_and_nothing_else(office: Office) -> None:
    ada = await office.person()
    old, new = await office.talk(ada, "long ago"), await office.talk(ada, "today")
    await office.copy_of(ada)
    for table, column in (
        ("conversations", "created_at"), ("runs", "created_at"), ("runs", "finished_at"),
    ):  # fmt: skip
        which = "title = 'long ago'" if table == "conversations" else f"id = '{old}'"
        await execute(
            office.database,
            f"UPDATE {table} SET {column} = now() - interval '9 days' WHERE {which}",
        )
    await execute(office.database, "UPDATE runs SET finished_at = now() WHERE finished_at IS NULL")
    await execute(office.database, "UPDATE exports SET created_at = now() - interval '9 days'")
    patient = Retention(office.database, office.blobs, Clocks(None, None, 10.0))
    await patient.sweep()
    async with office.database.transaction(ada) as tx:
        before = await tx.people.counts(ada.user_id)
    assert before["runs"] == 2
    await Retention(office.database, office.blobs, Clocks(None, 8.0, 8.0)).sweep()
    async with office.database.transaction(ada) as tx:
        assert await tx.runs.events(old, after=-1, limit=1) == []
        assert await tx.runs.events(new, after=-1, limit=1)
        assert (await tx.people.counts(ada.user_id))["conversations"] == 2
    assert office.files() == []
    await Retention(office.database, office.blobs, Clocks(8.0, None, 8.0)).sweep()
    async with office.database.transaction(ada) as tx:
        assert (await tx.people.counts(ada.user_id))["conversations"] == 1


async def test_a_copy_of_sealed_data_is_plain_for_its_person_and_sealed_on_the_disk(
    office: Office, tmp_path: Path
) -> None:
    await office.database.vault.unlock(masters.make(tmp_path / masters.FILE_NAME))
    ada = await office.person()
    await office.upload(ada, b"ada's own words")
    await office.talk(ada, "Where is ada's lantern?")
    copy = await office.copy_of(ada)
    assert b"ada's own words" in copy.values()
    assert b"Where is ada's lantern?" in copy["data/messages.json"]
    assert b"cw1:" not in b"".join(copy.values())
    assert [path.suffix for path in office.blobs.folder.rglob("*") if path.is_file()] == [
        ".sealed"
    ] * 2
