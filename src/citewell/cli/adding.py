"""Adding many files: uploads side by side, progress on a terminal, a line for every failure."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from citewell.cli.client import Client, problem
from citewell.cli.documents_table import UNFINISHED, row_of
from citewell.cli.output import is_terminal, say
from citewell.domain.documents import OnDuplicate

AT_ONCE = 4
POLL_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class File:
    """A file to add and the name that it is known by."""

    path: Path
    name: str


@dataclass(slots=True)
class Summary:
    """What became of the files."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    duplicates: int = 0

    @property
    def failed(self) -> int:
        """How many could not be added or read."""
        return sum(row["status"] in {"failed", "refused"} for row in self.rows)

    def sentence(self) -> str:
        """The end of the story."""
        done = len(self.rows) - self.failed
        said = f"{done} added" + (f", {self.duplicates} known already" if self.duplicates else "")
        return f"{said}, {self.failed} failed." if self.failed else f"{said}."


def found_files(paths: Sequence[str], *, recursive: bool) -> list[File]:
    """The files that were named; of a folder, those that are not hidden, in order of name."""
    found: list[File] = []
    for name in paths:
        path = Path(name)
        if name == "-":
            found.append(File(_spooled(), "stdin.txt"))
        elif path.is_dir():
            found += [
                File(one, str(one.relative_to(path.parent)))
                for one in sorted(path.rglob("*") if recursive else path.glob("*"))
                if one.is_file() and not any(p.startswith(".") for p in one.relative_to(path).parts)
            ]
        else:
            # A name that is not there is told with the others, not before them.
            found.append(File(path, path.name))
    return found


@dataclass(frozen=True, slots=True)
class Adding:
    """Uploads to one collection."""

    client: Client
    collection: str
    on_duplicate: OnDuplicate
    title: str | None

    def run(self, files: Sequence[File], *, wait: bool) -> Summary:
        """Upload all; with `wait`, until each can be searched or has failed."""
        summary = Summary()
        with _bar(len(files)) as advance, ThreadPoolExecutor(AT_ONCE) as pool:
            for row, duplicate in pool.map(self._upload, files):
                summary.duplicates += duplicate
                summary.rows.append(row)
                if not wait or row["status"] not in UNFINISHED:
                    advance()
            if wait:
                self._wait(summary, advance)
        return summary

    def _upload(self, file: File) -> tuple[dict[str, Any], bool]:
        fields = {"on_duplicate": self.on_duplicate.value}
        if self.title:
            fields["title"] = self.title
        try:
            with file.path.open("rb") as source:
                reply = self.client.try_send(
                    "POST",
                    f"/api/v1/collections/{self.collection}/documents",
                    data=fields,
                    files={"file": (file.name, source, "application/octet-stream")},
                )
        except OSError as error:
            return _refused(file, f"{error.strerror or error}"), False
        if reply.is_error:
            said = problem(reply)
            why = f"{said.get('detail', reply.status_code)} {said.get('hint', '')}".strip()
            return _refused(file, why), False
        accepted = reply.json()
        return row_of(accepted["document"]), accepted["duplicate"]

    def _wait(self, summary: Summary, advance: Any) -> None:
        while True:
            waiting = [i for i, row in enumerate(summary.rows) if row["status"] in UNFINISHED]
            if not waiting:
                return
            for i in waiting:
                fresh = row_of(self.client.get(f"/api/v1/documents/{summary.rows[i]['id']}"))
                if fresh["status"] not in UNFINISHED:
                    advance()
                summary.rows[i] = fresh
            time.sleep(POLL_SECONDS)


def _refused(file: File, reason: str) -> dict[str, Any]:
    say(f"{file.name}: {reason}")
    return {
        "id": "", "filename": file.name, "status": "refused", "chunks": "", "language": "",
        "reason": reason,
    }  # fmt: skip


def _spooled() -> Path:
    descriptor, name = tempfile.mkstemp(prefix="citewell-stdin-")
    with os.fdopen(descriptor, "wb") as file:
        while piece := sys.stdin.buffer.read(1 << 20):
            file.write(piece)
    return Path(name)


@contextmanager
def _bar(total: int) -> Iterator[Any]:
    if not is_terminal():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Adding", total=total)
        yield lambda: progress.advance(task)
