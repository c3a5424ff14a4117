"""What Python itself reports about a piece of work: files, sockets, processes, code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

NETWORK = frozenset(
    {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}
)
FILES = frozenset(
    {"open", "os.remove", "os.rename", "os.mkdir", "tempfile.mkstemp", "sqlite3.connect"}
)
PROCESSES = frozenset({"subprocess.Popen", "os.exec", "os.fork", "os.posix_spawn", "os.system"})
CODE = frozenset(
    {"exec", "compile", "import", "pickle.find_class", "marshal.loads", "ctypes.dlopen"}
)

_watched: ContextVar[tuple[frozenset[str], list[str]] | None] = ContextVar("_watched", default=None)
_hooked: list[bool] = []


@contextmanager
def watching(events: frozenset[str]) -> Iterator[list[str]]:
    """Every event of these kinds, with what it was about, in a list that grows.

    Of the work that is done inside, in the tasks and threads too that it begins; not of what the
    application does meanwhile on its own account.
    """
    if not _hooked:
        # A hook can never be taken out again; there is one, which mostly has nobody to tell.
        sys.addaudithook(_hear)
        _hooked.append(True)
    heard: list[str] = []
    token = _watched.set((events, heard))
    try:
        yield heard
    finally:
        _watched.reset(token)


def _hear(event: str, about: tuple[object, ...]) -> None:
    watched = _watched.get()
    if watched is not None and event in watched[0]:
        watched[1].append(f"{event} {about[:2]!r:.120}")
