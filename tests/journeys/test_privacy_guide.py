"""The guide to privacy, run as it is written, and a search for what is left of somebody."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest

from citewell.accounts.credentials import digest, new_key
from tests.journeys.conftest import Server, add, environment, settled, wait_until

pytestmark = pytest.mark.long

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "privacy.md"
ERASED_SECONDS = 60.0


def commands() -> list[str]:
    """Every fenced block of shell commands, in order."""
    return re.findall(r"```sh\n(.*?)```", GUIDE.read_text("utf-8"), flags=re.DOTALL)


def run_block(server: Server, folder: Path, block: str, **variables: str) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        env={**environment(server.home), "PATH": path, **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, block + done.stdout + done.stderr
    return done.stdout


def make_person(server: Server, name: str) -> tuple[str, str]:
    """A member with a key, entered as the owner of the database would."""
    from citewell.storage.embedded import EmbeddedPostgres

    person, key = str(uuid4()), new_key()
    embedded = EmbeddedPostgres.start(server.home / "postgres")
    try:
        with psycopg.connect(embedded.url) as connection:
            row = connection.execute("SELECT id FROM tenants").fetchone()
            assert row is not None
            tenant = row[0]
            connection.execute(
                "INSERT INTO users (id, tenant_id, name) VALUES (%s, %s, %s)",
                (person, tenant, name),
            )
            connection.execute(
                "INSERT INTO memberships (id, tenant_id, user_id, role) VALUES (%s, %s, %s, 2)",
                (uuid4(), tenant, person),
            )
            connection.execute(
                "INSERT INTO api_keys (id, tenant_id, user_id, name, digest, scopes)"
                " VALUES (%s, %s, %s, %s, %s, '{search,ask,documents:read,documents:write,admin}')",
                (uuid4(), tenant, person, name, digest(key)),
            )
    finally:
        embedded.stop()
    return person, key


def traces(home: Path, canaries: list[str]) -> list[str]:
    """Files that hold one of the canaries."""
    found = []
    for path in home.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            found += [f"{path.relative_to(home)}: {c}" for c in canaries if c.encode() in content]
    return found


def put_aside(server: Server, backup: Path) -> None:
    """A copy of the private database, made while nobody writes to it."""
    assert server.stop() == 0
    shutil.copytree(server.home / "postgres", backup, symlinks=True)
    owner = (server.home / "postgres").stat()
    for path in [backup, *backup.rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    server.start()


def check_a_backup_brings_nobody_back(
    server: Server, folder: Path, block: str, person: str, canaries: list[str]
) -> None:
    """Put the backup in place of the database, replay as the guide says, and start again."""
    assert server.stop() == 0
    shutil.rmtree(server.home / "postgres")
    (folder / "backup").rename(server.home / "postgres")
    assert traces(server.home, canaries), "the backup is from before"
    assert "erased" in run_block(server, folder, block)
    (row,) = json.loads(server.cli("--json", "privacy", "replay").stdout)
    assert (row["person"], row["state"]) == (person, "known")
    missing = server.cli("privacy", "replay", "--ledger", str(folder))
    assert missing.returncode == 1
    assert "no ledger of erasures" in missing.stderr
    server.start()
    wait_until(
        lambda: traces(server.home, canaries) == [],
        "no trace after the backup",
        seconds=ERASED_SECONDS,
        every=1.0,
    )


def test_the_guide_runs_and_nothing_is_left_of_whoever_was_forgotten(
    server: Server, tmp_path: Path
) -> None:
    name, talk, purpose = (f"canary{word}{uuid4().hex}" for word in ("name", "talk", "purpose"))
    person, key = make_person(server, name)
    with httpx.Client(
        base_url=server.address,
        headers={"authorization": f"Bearer {key}"},
        timeout=60,
        trust_env=False,
    ) as ada:
        document = add(ada, "notes.txt", b"The lighthouse at Cape Ward was built in 1874.\n")
        settled(ada, document["id"])
        question = f"When was the lighthouse {talk} at Cape Ward built?"
        assert ada.post("/query", json={"input": question}).status_code == 200
        body = {"purpose": purpose, "version": "1", "given": True}
        assert ada.put("/api/v1/privacy/consents", json=body).status_code == 200
        own = ada.post("/api/v1/privacy/exports", json={}).json()["id"]
        path = f"/api/v1/privacy/exports/{own}"
        wait_until(lambda: ada.get(path).json()["state"] == "ready", "the copy")
        copy = tmp_path / "ada.zip"
        copy.write_bytes(ada.get(f"{path}/content").content)
    with zipfile.ZipFile(copy) as archive:
        assert talk in archive.read("data/messages.json").decode()
        assert name in archive.read("data/users.json").decode()
    assert traces(server.home, [talk, name, purpose])
    backup = tmp_path / "backup"
    put_aside(server, backup)

    blocks = commands()
    assert len(blocks) == 4
    for block in blocks[:2]:
        run_block(server, tmp_path, block)
    assert zipfile.is_zipfile(tmp_path / "copy.zip")
    run_block(server, tmp_path, blocks[2], PERSON=person)

    with server.client() as owner:
        jobs = owner.get("/api/v1/jobs").json()["items"]
    (job,) = [one for one in jobs if one["kind"] == "erase"]
    assert job["state"] == "done"
    wait_until(
        lambda: traces(server.home, [talk, name, purpose]) == [],
        f"no trace: {traces(server.home, [talk, name, purpose])}",
        seconds=ERASED_SECONDS,
        every=1.0,
    )
    assert person not in server.log.read_text("utf-8", "replace")
    check_a_backup_brings_nobody_back(server, tmp_path, blocks[3], person, [talk, name, purpose])
    with httpx.Client(base_url=server.address, trust_env=False) as again:
        refused = again.get("/api/v1/me", headers={"authorization": f"Bearer {key}"})
    assert refused.status_code == 401
    receipt = json.loads(server.cli("--json", "docs", "show", document["id"]).stdout)
    assert receipt["status"] == "ready", "a tenant's document stays"
