"""With encryption on, the disk holds none of what people wrote; without the key nothing starts."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.conftest import Server, add, citewell, settled, wait_until

pytestmark = pytest.mark.long

ON = {"CITEWELL_ENCRYPTION__ENABLED": "true"}
# Punctuated, so that no index of words holds it by chance.
TOLD = "The Quokka's lantern -- number 7319! -- hangs in the crypt of Saint Ormond."
ASKED = "Where, oh where (7319?), does the Quokka's lantern hang?"
BOOK = f"# The lantern\n\n{TOLD}\n\n{'The tide turns at nine. ' * 40}\n".encode()


def places(home: Path, *canaries: str) -> Iterator[Path]:
    """Files that hold one of these."""
    wanted = [canary.encode() for canary in canaries]
    for path in home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if any(one in content for one in wanted):
                yield path


def test_nothing_that_people_wrote_is_found_on_the_disk(idle: Server) -> None:
    idle.settings = ON
    idle.start()
    with idle.client() as client:
        document = add(client, "lantern.md", BOOK)["id"]
        assert settled(client, document)["status"] == "ready"
        asked = idle.cli("--json", "ask", ASKED)
        assert asked.returncode == 0, asked.stderr
        assert "7319" in asked.stdout
        assert client.get(f"/api/v1/documents/{document}/original").content == BOOK
    # The private database writes everything out when it ends.
    idle.close()
    assert list(places(idle.home, TOLD[:30], TOLD[30:60], ASKED[:30], "tide turns at nine.")) == []
    key = idle.home / "secrets" / "encryption_key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.rename(key.with_suffix(".away"))
    refused = citewell(idle.home, "worker", CITEWELL_ENCRYPTION__ENABLED="true")
    assert refused.returncode != 0
    assert "master key cannot be read" in refused.stderr
    assert not key.exists()
    refused = citewell(idle.home, "worker")
    assert "encryption is off" in refused.stderr
    key.with_suffix(".away").rename(key)


def test_an_installation_that_was_plain_is_sealed_when_it_is_asked_for(idle: Server) -> None:
    idle.start()
    with idle.client() as client:
        document = add(client, "lantern.md", BOOK)["id"]
        assert settled(client, document)["status"] == "ready"
    idle.close()
    assert list(places(idle.home / "blobs", TOLD))
    idle.settings = ON
    idle.start()
    with idle.client() as client:
        # The job waits for processes that may not know the key yet; reading does not.
        job = wait_until(
            lambda: [
                one for one in client.get("/api/v1/jobs").json()["items"] if one["kind"] == "reseal"
            ],
            "the job that seals",
        )
        assert job[0]["state"] in {"queued", "leased"}
        assert client.get(f"/api/v1/documents/{document}/original").content == BOOK
        status = citewell(
            idle.home, "--json", "encryption", "status", CITEWELL_ENCRYPTION__ENABLED="true"
        )
        assert status.returncode == 0, status.stderr
        rows = {row["store"]: row for row in json.loads(status.stdout)}
        assert (rows["blobs"]["sealed"], rows["blobs"]["total"]) == (0, 1)
        rotated = citewell(
            idle.home, "--json", "encryption", "rotate", CITEWELL_ENCRYPTION__ENABLED="true"
        )
        assert [row["started"] for row in json.loads(rotated.stdout)] == [False]
    idle.close()
