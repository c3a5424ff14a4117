"""What the README promises to somebody who has just installed it."""

import csv
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.journeys.conftest import Server, shared, verified, wait_until

FILES = (
    "owasp/Session_Management_Cheat_Sheet.md", "owasp/Password_Storage_Cheat_Sheet.md",
    "owasp/HTTP_Strict_Transport_Security_Cheat_Sheet.md", "owasp/Access_Control_Cheat_Sheet.md",
    "pdf/fake-memo.pdf", "pdf/layout-parser-paper-fast.pdf", "pdf/a1977-backus-p21.pdf",
    "office/test_wikipedia.html", "office/movie-theater-booking-2024.pdf", "office/test.docx",
    "office/test.pptx", "office/csv-semicolon.csv",
)  # fmt: skip
QUESTIONS = (
    ("How many hexadecimal characters must a session ID have at least?",
     "Session_Management_Cheat_Sheet.md", "16 hexadecimal characters"),
    ("What is Argon2id's minimum memory configuration?",
     "Password_Storage_Cheat_Sheet.md", "19 MiB"),
    ("How many bottles of water were delivered?", "fake-memo.pdf", "20,000"),
    ("What layout analysis toolkit is presented?",
     "layout-parser-paper-fast.pdf", "LayoutParser"),
    ("Which cinema shows the Holiday Movie Marathon Package?",
     "movie-theater-booking-2024.pdf", "STARLIGHT CINEMAS"),
)  # fmt: skip
UNANSWERED = "Who won the football world cup in 2031?"


def test_the_first_hour_goes_as_the_readme_says(server: Server, tmp_path: Path) -> None:
    _sign_in_works_exactly_once(server)
    folder = _papers(tmp_path / "papers")
    added = server.cli("--json", "docs", "add", str(folder))
    assert added.returncode == 0, added.stdout + added.stderr
    rows = json.loads(added.stdout)
    assert len(rows) == len(FILES)
    assert {row["status"] for row in rows} == {"ready"}

    for question, filename, words in QUESTIONS:
        answer = _asked(server, question)
        assert answer["answered"], (question, answer)
        sources = {citation["filename"] for citation in answer["citations"]}
        assert any(source.endswith(filename) for source in sources), (question, sources)
        assert words in answer["response"]
        _assert_quotes_stand_in_the_documents(server, answer["citations"])

    refused = _asked(server, UNANSWERED)
    assert not refused["answered"]
    assert refused["citations"] == []
    _deleting_takes_effect_at_once(server)
    server.close()
    verified(server.home)


def test_documents_go_by_their_names_and_lists_come_in_every_form(
    server: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "light.txt").write_text("The lighthouse at Cape Ward was built in 1874.\n", "utf-8")
    # A name in an encoding of long ago.
    (folder / os.fsdecode(b"caf\xe9.txt")).write_text("The café opens at nine.\n", "utf-8")
    (folder / "empty.txt").write_bytes(b"")
    added = server.cli("docs", "add", str(folder), "-o", "jsonl")
    assert added.returncode == 3
    assert "empty.txt: " in added.stderr
    assert "2 added, 1 failed." in added.stderr
    rows = [json.loads(line) for line in added.stdout.splitlines()]
    assert [row["status"] for row in rows] == ["ready", "failed", "ready"]

    ids = server.cli("docs", "list", "-o", "ids").stdout.split()
    assert sorted(ids) == sorted(row["id"] for row in rows)
    lines = list(csv.DictReader(server.cli("docs", "list", "-o", "csv").stdout.splitlines()))
    assert {line["id"] for line in lines} == set(ids)
    shown = server.cli("docs", "show", "papers/light.txt", "--json")
    assert json.loads(shown.stdout)["id"] in ids
    kept = tmp_path / "kept.txt"
    server.cli("docs", "get", "papers/light.txt", "-o", str(kept))
    assert kept.read_bytes() == (folder / "light.txt").read_bytes()

    removed = server.cli("--json", "docs", "rm", "papers/light.txt", "papers/empty.txt")
    receipts = json.loads(removed.stdout)
    assert [one["searchable"] for one in receipts] == [False, False]
    assert server.cli("docs", "show", "papers/light.txt").returncode == 6
    assert not _asked(server, "When was the lighthouse at Cape Ward built?")["answered"]


def _papers(folder: Path) -> Path:
    for name in FILES:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shared(f"docs/{name}"), target)
    return folder


def _sign_in_works_exactly_once(server: Server) -> None:
    wait_until(lambda: "Sign in once with" in server.output.read_text("utf-8"), "a sign-in link")
    link = server.output.read_text("utf-8").rpartition("Sign in once with ")[2].split()[0]
    with httpx.Client(trust_env=False) as browser:
        first = browser.get(link)
        assert first.status_code == 303
        assert browser.get(f"{server.address}/api/v1/documents").status_code == 200
    with httpx.Client(trust_env=False) as stranger:
        assert stranger.get(link).status_code == 401
        assert stranger.get(f"{server.address}/api/v1/documents").status_code == 401


def _asked(server: Server, question: str) -> dict[str, Any]:
    done = server.cli("--json", "ask", question)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def _assert_quotes_stand_in_the_documents(
    server: Server, citations: Sequence[dict[str, Any]]
) -> None:
    assert citations
    with server.client() as client:
        for cited in citations:
            reply = client.get(
                f"/api/v1/documents/{cited['document_id']}/text",
                params={"version": cited["version_id"]},
            )
            assert cited["verified"]
            assert reply.json()["text"][cited["start"] : cited["end"]] == cited["quote"]


def _deleting_takes_effect_at_once(server: Server) -> None:
    question, filename, _ = QUESTIONS[2]
    with server.client() as client:
        listed = client.get("/api/v1/documents", params={"q": filename}).json()["items"]
        (document,) = [one["id"] for one in listed if one["filename"].endswith(filename)]
        chunks = client.get(f"/api/v1/documents/{document}/chunks").json()["items"]
        receipt = client.delete(f"/api/v1/documents/{document}").json()
        answer = client.post("/query", json={"input": question}).json()
        found = client.post("/api/v1/search", json={"query": question, "limit": 50}).json()
        missing = client.get(f"/api/v1/documents/{document}").status_code
    assert not receipt["searchable"]
    assert receipt["removed"]["chunks"] == len(chunks) > 0
    told = [*answer["citations"], *answer["related"], *found["passages"]]
    assert document not in {one["document_id"] for one in told}
    assert missing == 404
