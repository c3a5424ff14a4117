"""Whether the server of a data directory is alive, told from what the system says of it.

The process number in `postmaster.pid` alone does not tell: after a crash it may belong to somebody
else (in a container it usually does), or to a dead process that nobody has waited for.
"""

import socket
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types

PROGRAM = "postgres"
FILE = "postmaster.pid"
COMPLETE = 8
SOCKET = ".s.PGSQL.5432"
CONNECT_SECONDS = 1.0


def is_alive(folder: Path) -> bool:
    """Whether the process that the folder names as its server is one."""
    pid = _number(_recorded(folder))
    return pid is not None and _works_in(pid, folder)


def discard_stale_pid(folder: Path) -> None:
    """Remove a `postmaster.pid` that names no server, which would keep the next from starting.

    It stays while any server process works in the folder or answers on its socket: the file is
    what keeps two servers from writing to the same data.
    """
    lines = _recorded(folder)
    pid = _number(lines)
    if len(lines) == COMPLETE and pid is not None and not psutil.pid_exists(pid):
        return  # The server itself sees that the number is free, and takes over with care.
    if not any(_works_in(one, folder) for one in psutil.pids()) and not _answers(lines):
        (folder / FILE).unlink(missing_ok=True)


def _recorded(folder: Path) -> list[str]:
    try:
        return (folder / FILE).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _number(lines: list[str]) -> int | None:
    return int(lines[0]) if lines and lines[0].strip().isdecimal() else None


def _works_in(pid: int, folder: Path) -> bool:
    try:
        process = psutil.Process(pid)
        if not process.name().startswith(PROGRAM) or process.status() == psutil.STATUS_ZOMBIE:
            return False
        # A server and all of its processes work in the data directory.
        return Path(process.cwd()).resolve() == folder.resolve()
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return False  # Another user's server cannot work in a folder that only we can enter.


def _answers(lines: list[str]) -> bool:
    try:
        address = Path(lines[4]) / SOCKET
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(CONNECT_SECONDS)
            client.connect(str(address))
    except (OSError, IndexError):
        return False
    return True
