"""Sees a pickle that looks up a class, and code that is made of marshalled bytes.

Python tells its audit hooks of both. No hook is ever removed: this one does nothing until it is
told whom to tell. In the processes that a test starts, Python reads this file by its name, which
`environment` in `tests/journeys/conftest.py` leads it to: there it ends the process.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

EVENTS = frozenset({"pickle.find_class", "marshal.load", "marshal.loads"})
# Who reads compiled modules, which are marshalled code.
IMPORTERS = ("importlib._bootstrap_external>", "zipimport>", "_pytest/assertion/rewrite.py")
EXIT = 97


class UnsafeLoadError(BaseException):
    """Passes by whoever only expects an `Exception`."""


class Watch:
    """Stops what it sees while there is somebody to tell."""

    def __init__(self) -> None:
        self.tell: Callable[[str], object] | None = None
        sys.addaudithook(self._audit)

    @contextmanager
    def telling(self, tell: Callable[[str], object] | None) -> Iterator[None]:
        before, self.tell = self.tell, tell
        try:
            yield
        finally:
            self.tell = before

    def _audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in EVENTS or self.tell is None or _imports(sys._getframe(1)):
            return
        what = f"{event}{arguments}"[:200]
        self.tell(what)
        raise UnsafeLoadError(what)


def _imports(frame: FrameType) -> bool:
    return frame.f_code.co_filename.endswith(IMPORTERS)


def _end(what: str) -> None:
    os.write(2, f"unsafe load: {what}\n".encode())
    os._exit(EXIT)


WATCH = Watch()
if __name__ == "sitecustomize":
    WATCH.tell = _end
