"""What `docs add` finds to add, and what it says in the end."""

import io
from pathlib import Path
from typing import Any

import pytest

from citewell.cli.adding import MOST_TOLD, File, Page, Summary, found_files


def row(name: str, status: str = "ready", *, duplicate: bool = False) -> dict[str, Any]:
    return {"id": "1", "filename": name, "status": status, "reason": "Why.", "duplicate": duplicate}


def test_a_file_counts_once_as_added_known_or_failed() -> None:
    summary = Summary([row("a"), row("b", duplicate=True), row("c", "failed", duplicate=True)])
    assert summary.told().splitlines() == ["c: Why.", "1 added, 1 known already, 1 failed."]
    assert summary.failed == 1
    assert Summary([row("a")]).told() == "1 added."


def test_the_failures_of_a_large_folder_do_not_scroll_the_summary_away() -> None:
    lines = Summary([row(str(n), "refused") for n in range(100)]).told().splitlines()
    assert len(lines) == MOST_TOLD + 2
    assert lines[-2] == "… and 80 more that failed."


def test_a_name_cannot_write_to_the_terminal() -> None:
    assert "\x1b" not in Summary([row("a\x1b[2J", "refused")]).told()


def test_a_folder_gives_its_visible_files_under_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "papers"
    for name in ("a.md", "deep/b.md", ".hidden", ".git/config"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x", "utf-8")
    names = [file.name for file in found_files([str(folder)], recursive=True)]
    assert names == ["papers/a.md", "papers/deep/b.md"]
    flat = [file.name for file in found_files([str(folder)], recursive=False)]
    assert flat == ["papers/a.md"]
    monkeypatch.chdir(folder / "deep")
    assert [file.name for file in found_files(["."], recursive=True)] == ["deep/b.md"]
    assert [file.name for file in found_files([".."], recursive=False)] == ["papers/a.md"]


def test_an_address_is_a_page_and_nothing_that_lies_here() -> None:
    named = ["http://a.example/x", "HTTPS://b.example"]
    assert found_files(named, recursive=True) == [Page(one) for one in named]


def test_standard_input_becomes_a_file_that_is_ours_to_remove(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"words")))
    (file,) = found_files(["-"], recursive=True)
    assert isinstance(file, File)
    assert file.spooled
    assert file.path.read_bytes() == b"words"
    file.path.unlink()
