"""A real server in a data directory of its own; nothing of it is left at the end."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types

from citewell.cli.running import announcing
from citewell.config import LimitSettings
from citewell.domain.errors import StartError

START_SECONDS = 90.0
STOP_SECONDS = 40.0
END_SECONDS = 10.0
LOOK_SECONDS = 0.05
TOLD_LINES = 15

# Of the environment only what a program needs to run at all: no setting reaches the scratch server.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
# All requests come from one address, most of the refused ones without a credential.
UNLIMITED = {
    f"CITEWELL_LIMITS__{name.upper()}": str(10**9)
    for name in LimitSettings.model_fields
    if name.startswith(("requests_per_", "guesses_per_"))
}
_LINK = "/signin?code="


@dataclass(frozen=True, slots=True)
class Running:
    """A server that serves; `code` opens one browser session of whoever runs it."""

    address: str
    admin_key: str
    code: str


@contextmanager
def scratch_server(database_url: str | None) -> Iterator[Running]:
    """A server with a data directory of its own, and with a database of its own.

    That is in the data directory, or made for it on the server of `database_url`. Raises
    `StartError` with the server's last words.
    """
    with ExitStack() as stack:
        folder = tempfile.TemporaryDirectory(prefix="citewell-selftest-")
        home = Path(stack.enter_context(folder)).resolve()
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {"CITEWELL_HOME": str(home), "LOG_LEVEL": "warning", **UNLIMITED}
        # The tenants have what a tenant can have: servers of tools too, which nobody asks anything.
        environment["CITEWELL_MCP__ENABLED"] = "true"
        # Libraries leave files where temporary ones belong; these go with the rest.
        environment["TMPDIR"] = str(home / "tmp")
        (home / "tmp").mkdir()
        if database_url is not None:
            from citewell.storage.server.scratch import scratch_database

            url = stack.enter_context(scratch_database(database_url, "citewell_selftest"))
            environment["DATABASE_URL"] = url
        yield stack.enter_context(_serving(home, environment))


@contextmanager
def _serving(home: Path, environment: dict[str, str]) -> Iterator[Running]:
    # -P: a file in the folder where somebody stands must not be taken for a module.
    words = [sys.executable, "-P", "-m", "citewell.cli.main", "serve", "--port", "0"]
    said, log = home / "said.txt", home / "log.txt"
    with said.open("wb") as output, log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603  # Our own program.
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            # Ctrl-C in the terminal is for this process, which then stops the server in order.
            start_new_session=True,
        )
    try:
        yield _when_ready(home, process)
    finally:
        _end(process, home)


def _when_ready(home: Path, process: "subprocess.Popen[bytes]") -> Running:
    deadline = time.monotonic() + START_SECONDS
    while True:
        said = (home / "said.txt").read_text("utf-8", "replace")
        if _LINK in said and (address := announcing.found(home)):
            key = (home / "secrets" / "admin-key").read_text("ascii").strip()
            return Running(address, key, said.partition(_LINK)[2].split()[0])
        if process.poll() is not None or time.monotonic() > deadline:
            lines = (home / "log.txt").read_text("utf-8", "replace").splitlines()[-TOLD_LINES:]
            what = "has ended" if process.poll() is not None else "did not start in time"
            raise StartError(f"The scratch server {what}.", hint="\n".join(lines))
        time.sleep(LOOK_SECONDS)


def _end(process: "subprocess.Popen[bytes]", home: Path) -> None:
    """Stop the server, at a second Ctrl-C at once; then whatever of it still lives."""
    try:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait(END_SECONDS)
    finally:
        left = [one for one in psutil.process_iter() if _belongs_to(one, home)]
        for one in left:
            one.kill()
        psutil.wait_procs(left, END_SECONDS)


def _belongs_to(process: psutil.Process, home: Path) -> bool:
    try:
        # PostgreSQL writes its title over its environment; it stands in its folder.
        stands = Path(process.cwd()).is_relative_to(home)
        return stands or bool(process.environ().get("CITEWELL_HOME") == str(home))
    except psutil.Error:
        return False
