"""The real server as a process of its own, with its own data directory, and a key to it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]  # it ships no types
import pytest

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"
WATCHED = Path(__file__).parents[1] / "watched"
READY_SECONDS = 90.0
STOP_SECONDS = 35.0
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")


def shared(name: str) -> Path:
    """A file or folder of the shared test data."""
    path = SHARED / name
    assert path.exists(), f"The shared test data is missing: {path}"
    return path.resolve()


def wait_until(
    met: Callable[[], Any], what: str, *, seconds: float = 60.0, every: float = 0.05
) -> Any:
    """The first true value of `met`; fails, naming `what`, when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = met()
        if value:
            return value
        assert time.monotonic() < deadline, f"Waited {seconds:g} s in vain: {what}"
        time.sleep(every)


def environment(home: Path, **settings: str) -> dict[str, str]:
    """What a process of ours sees: nothing of the settings of whoever runs the tests.

    It ends where an unsafe load would begin.
    """
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": str(WATCHED), "CITEWELL_HOME": str(home), **settings}


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "citewell.cli.main", *words]


def citewell(
    home: Path, *words: str, seconds: float = 120.0, before: Sequence[str] = (), **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; the words `before` it run it."""
    return subprocess.run(
        [*before, *command(*words)],
        env=environment(home, **settings),
        capture_output=True,
        text=True,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def on_small_disk(folder: Path, options: str) -> list[str]:
    """Words before a command: in place of `folder` it sees an empty disk made with `options`.

    Nobody else sees that disk, and it is gone when the command has ended. Without privileges the
    command mounts it as the master of a name space of its own, and then is itself again.
    """
    mount = f"mount -t tmpfs -o {options} none '{folder}' && exec"
    if os.geteuid() == 0:
        return ["unshare", "--mount", "sh", "-c", f'{mount} "$@"', "sh"]
    itself = f"unshare --user --map-user={os.geteuid()} --map-group={os.getegid()}"
    script = f'{mount} {itself} "$@"'
    return ["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh"]


def processes_of(home: Path) -> list[psutil.Process]:
    """Every living process that belongs to this data directory, its PostgreSQL included."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get("CITEWELL_HOME") == str(home)
            ours = ours or Path(process.cwd()).is_relative_to(home)
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _is_only_uvicorns(event: Mapping[str, Any]) -> bool:
    """What uvicorn calls an error and is none: a socket refused, a lifespan cut by Ctrl-C twice."""
    said = event["event"]
    refused = said == "ASGI callable returned without completing handshake."
    cut = said.startswith("Traceback") and said.endswith("asyncio.exceptions.CancelledError\n")
    return "room" not in event and (refused or cut)


@dataclass(slots=True)
class Server:
    """`citewell serve` on a data directory; may be killed and started again."""

    home: Path
    log: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    expected_errors: set[str] = field(default_factory=set)
    before: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, "The server was not started."
        return self.process

    @property
    def address(self) -> str:
        said = json.loads((self.home / "server.json").read_text("utf-8"))
        return f"http://{said['host']}:{said['port']}"

    @property
    def key(self) -> str:
        return (self.home / "secrets" / "admin-key").read_text("ascii").strip()

    @property
    def output(self) -> Path:
        return self.log.with_suffix(".out")

    def launch(self) -> None:
        """Start the process, without waiting for it."""
        with self.log.open("ab") as log, self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*self.before, *command("serve", "--port", "0")],
                env=environment(self.home, **self.settings),
                stdout=output,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def start(self) -> None:
        """Start the process and wait until it can serve."""
        self.launch()
        self.wait_ready()

    def wait_ready(self) -> None:
        wait_until(self.is_ready, f"/readyz\n{self.tail()}", seconds=READY_SECONDS)

    def is_ready(self) -> bool:
        """Whether it can serve now; fails when it has ended."""
        assert self.running.poll() is None, f"The server ended by itself:\n{self.tail()}"
        return self.is_ready_now()

    def is_ready_now(self) -> bool:
        try:
            said = json.loads((self.home / "server.json").read_text("utf-8"))
            if said["pid"] != self.running.pid:
                return False
            url = f"http://{said['host']}:{said['port']}/readyz"
            return httpx.get(url, timeout=5, trust_env=False).status_code == 200
        except (OSError, ValueError, httpx.TransportError):
            return False

    def stop(self) -> int:
        """SIGTERM, and the exit status; fails when it takes longer than promised."""
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(STOP_SECONDS)

    def kill(self) -> None:
        self.running.kill()
        self.running.wait(10)

    def workers(self) -> list[psutil.Process]:
        """The worker processes that live now."""
        children = psutil.Process(self.running.pid).children()
        return [one for one in children if _is_worker(one)]

    def postmaster(self) -> psutil.Process | None:
        """The private PostgreSQL's first process, when it lives."""
        try:
            first = (self.home / "postgres" / "postmaster.pid").read_text("utf-8").split("\n")[0]
            process = psutil.Process(int(first))
            lives = process.status() != psutil.STATUS_ZOMBIE
            return process if lives and process.name().startswith("postgres") else None
        except (OSError, ValueError, psutil.NoSuchProcess):
            return None

    def client(self, *, seconds: float = 60.0) -> httpx.Client:
        """The administrator's client."""
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.Client(
            base_url=self.address, headers=headers, timeout=seconds, trust_env=False
        )

    def cli(self, *words: str, seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
        return citewell(self.home, *words, seconds=seconds)

    def events(self) -> list[dict[str, Any]]:
        """The log's lines that are events."""
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def unexpected(self) -> list[dict[str, Any]]:
        """What was logged as an error and should not have been."""
        grave = [e for e in self.events() if e.get("level") in {"error", "critical"}]
        return [
            e for e in grave if e["event"] not in self.expected_errors and not _is_only_uvicorns(e)
        ]

    def tail(self) -> str:
        return self.log.read_text("utf-8", "replace")[-3000:] if self.log.exists() else ""

    def close(self) -> None:
        """Stop, and hold the server against its promise to leave nothing behind."""
        if self.process is not None and self.process.poll() is None:
            assert self.stop() == 0, self.tail()
        wait_until(lambda: not processes_of(self.home), f"an end of all: {processes_of(self.home)}")
        assert self.unexpected() == []


def end_all(home: Path) -> None:
    """Leave no process of a test that failed behind."""
    for process in processes_of(home):
        process.kill()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A data directory that is not there yet; nothing of it runs on after the test."""
    path = tmp_path / "home"
    yield path
    end_all(path)


@pytest.fixture
def idle(home: Path, tmp_path: Path) -> Server:
    """A server that was not started yet."""
    return Server(home, tmp_path / "server.log")


@pytest.fixture
def server(idle: Server) -> Iterator[Server]:
    """A server that serves."""
    idle.start()
    yield idle
    idle.close()


def add(client: httpx.Client, name: str, content: bytes, **fields: str) -> dict[str, Any]:
    """Upload one file; returns the document as it was accepted."""
    reply = client.post(
        "/api/v1/collections/default/documents", files={"file": (name, content)}, data=fields
    )
    assert reply.status_code == 202, reply.text
    return dict(reply.json()["document"])


def settled(client: httpx.Client, document: str, *, seconds: float = 120.0) -> dict[str, Any]:
    """The document when it is ready or has failed."""

    def ended() -> dict[str, Any] | None:
        shown: dict[str, Any] = client.get(f"/api/v1/documents/{document}").json()
        return shown if shown["status"] in {"ready", "failed"} else None

    return dict(wait_until(ended, f"document {document} to settle", seconds=seconds, every=0.2))


def verified(home: Path) -> Sequence[Mapping[str, Any]]:
    """What `citewell index verify` says; fails unless every index is whole."""
    done = citewell(home, "--json", "index", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    assert all(row["ok"] for row in rows), rows
    return rows


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "worker" in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
