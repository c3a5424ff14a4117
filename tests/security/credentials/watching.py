"""What Python itself reports about a piece of work: files, sockets, processes, code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

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

_recorders: list[tuple[frozenset[str], list[str]]] = []
_hooked: list[bool] = []


@contextmanager
def watching(events: frozenset[str]) -> Iterator[list[str]]:
    """Every event of these kinds in this process, with what it was about, in a list that grows."""
    if not _hooked:
        # A hook can never be taken out again; there is one, which mostly has nobody to tell.
        sys.addaudithook(_hear)
        _hooked.append(True)
    recorder = (events, list[str]())
    _recorders.append(recorder)
    try:
        yield recorder[1]
    finally:
        _recorders.remove(recorder)


def _hear(event: str, about: tuple[object, ...]) -> None:
    for events, heard in _recorders:
        if event in events:
            heard.append(f"{event} {about[:2]!r:.120}")
