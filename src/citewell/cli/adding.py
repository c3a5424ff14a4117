"""Adding many files: uploads side by side, progress on a terminal, a line for every failure."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citewell.cli.client import Client, problem, sendable
from citewell.cli.output import is_terminal, plain
from citewell.domain.documents import OnDuplicate

if TYPE_CHECKING:
    import httpx
    from rich.progress import Progress, TaskID

AT_ONCE = 4
POLL_SECONDS = 0.3
# Jobs are done in order, so the first of those that wait tell enough.
ASKED_AT_ONCE = 16
MOST_TOLD = 20

UNFINISHED = frozenset({"received", "parsing", "embedding"})
FAILED = frozenset({"failed", "refused"})
COLUMNS = ("id", "filename", "status", "chunks", "language", "reason")


@dataclass(frozen=True, slots=True)
class File:
    """A file to add and the name that it is known by; a `spooled` one is ours to remove."""

    path: Path
    name: str
    spooled: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A page to add; the server fetches it. Its `name` is its address."""

    name: str


@dataclass(slots=True)
class Summary:
    """What became of the files."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many could not be added or read."""
        return sum(row["status"] in FAILED for row in self.rows)

    def told(self) -> str:
        """The end of the story: the failures with their reasons, then how many of each."""
        failed = [row for row in self.rows if row["status"] in FAILED]
        lines = [plain(f"{row['filename']}: {row['reason']}") for row in failed[:MOST_TOLD]]
        if len(failed) > MOST_TOLD:
            lines.append(f"… and {len(failed) - MOST_TOLD} more that failed.")
        good = [row for row in self.rows if row["status"] not in FAILED]
        known = sum(row["duplicate"] for row in good)
        said = f"{len(good) - known} added" + (f", {known} known already" if known else "")
        return "\n".join([*lines, f"{said}, {len(failed)} failed." if failed else f"{said}."])


def row_of(document: dict[str, Any]) -> dict[str, Any]:
    """A document as a line of a table."""
    failure = document["failure"]
    return {
        **document,
        "chunks": f"{document['chunks_done']}/{document['chunks_total']}",
        "reason": failure["reason"] if failure else "; ".join(document["warnings"]),
    }


def found_files(paths: Sequence[str], *, recursive: bool) -> list[File | Page]:
    """What was named; of a folder, the files that are not hidden, in order of name."""
    found: list[File | Page] = []
    for name in paths:
        path = Path(name)
        if name.lower().startswith(("http://", "https://")):
            found.append(Page(name))
        elif name == "-":
            found.append(File(_spooled(), "stdin.txt", spooled=True))
        elif path.is_dir():
            found += [
                File(one, str(Path(path.resolve().name, one.relative_to(path))))
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

    def run(self, files: Sequence[File | Page], *, wait: bool) -> Summary:
        """Upload all; with `wait`, until each can be searched or has failed."""
        from concurrent.futures import ThreadPoolExecutor

        summary = Summary()
        with _bar(len(files)) as bar, ThreadPoolExecutor(AT_ONCE) as pool:
            for row in pool.map(self._upload, files):
                summary.rows.append(row)
                if not wait or row["status"] not in UNFINISHED:
                    bar.advance()
            if wait:
                self._wait(summary, bar)
        return summary

    def _upload(self, file: File | Page) -> dict[str, Any]:
        fields = {"on_duplicate": self.on_duplicate.value}
        if self.title:
            fields["title"] = sendable(self.title)
        path = f"/api/v1/collections/{self.collection}/documents"
        if isinstance(file, Page):
            page = {"url": sendable(file.name), **fields}
            return self._told(file, self.client.try_json("POST", path, page))
        try:
            with file.path.open("rb") as source:
                sent = {"file": (sendable(file.name), source, "application/octet-stream")}
                reply = self.client.try_send("POST", path, data=fields, files=sent)
        except OSError as error:
            return _refused(file, f"{error.strerror or error}")
        finally:
            if file.spooled:
                file.path.unlink()
        return self._told(file, reply)

    def _told(self, file: File | Page, reply: "httpx.Response") -> dict[str, Any]:
        if reply.is_error:
            said = problem(reply)
            why = f"{said.get('detail', reply.status_code)} {said.get('hint', '')}".strip()
            return _refused(file, why)
        accepted = reply.json()
        return {**row_of(accepted["document"]), "duplicate": accepted["duplicate"]}

    def _wait(self, summary: Summary, bar: "Bar") -> None:
        while True:
            waiting = [i for i, row in enumerate(summary.rows) if row["status"] in UNFINISHED]
            if not waiting:
                return
            for i in waiting[:ASKED_AT_ONCE]:
                fresh = row_of(self.client.get(f"/api/v1/documents/{summary.rows[i]['id']}"))
                if fresh["status"] not in UNFINISHED:
                    bar.advance()
                summary.rows[i] = {**fresh, "duplicate": summary.rows[i]["duplicate"]}
            bar.tell(summary.rows[waiting[0]])
            time.sleep(POLL_SECONDS)


def _refused(file: File | Page, reason: str) -> dict[str, Any]:
    row = dict.fromkeys(COLUMNS, "")
    return {
        **row,
        "filename": sendable(file.name),
        "status": "refused",
        "reason": reason,
        "duplicate": False,
    }


def _spooled() -> Path:
    descriptor, name = tempfile.mkstemp(prefix="citewell-stdin-")
    with os.fdopen(descriptor, "wb") as file:
        while piece := sys.stdin.buffer.read(1 << 20):
            file.write(piece)
    return Path(name)


class Bar:
    """Progress that nobody sees."""

    def advance(self) -> None:
        """One more file is done."""

    def tell(self, row: dict[str, Any]) -> None:
        """This is the file that is being worked on."""


@dataclass(frozen=True, slots=True)
class _Drawn(Bar):
    progress: "Progress"
    task: "TaskID"

    def advance(self) -> None:
        self.progress.advance(self.task)

    def tell(self, row: dict[str, Any]) -> None:
        name = plain(row["filename"]).rpartition("/")[2][:40]
        self.progress.update(self.task, description=f"{name} {row['status']} {row['chunks']}")


@contextmanager
def _bar(total: int) -> Iterator[Bar]:
    if not is_terminal():
        yield Bar()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Drawn(progress, progress.add_task("", total=total))
