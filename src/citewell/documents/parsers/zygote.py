"""The process that forks one child per file; it holds the parsers loaded and reads nothing.

Run as `python -m citewell.documents.parsers.zygote CONTROL DIRECTORY`: the number of an inherited
socket, and a private directory. It ends, with all of its children, when the socket closes.
"""

import contextlib
import ctypes
import gc
import os
import selectors
import shutil
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

from citewell.documents.parsers import child
from citewell.documents.parsers.confinement import die_with_parent
from citewell.documents.parsers.decoding import load_codecs
from citewell.documents.parsers.extraction import extract
from citewell.documents.parsers.wire import READY, Ending, Job
from citewell.domain.errors import DocumentError

_MESSAGE = 8_192
_LAST_WORDS = 2_000
_CONTROL, _ENDED = -1, -2
_PRELOAD_SECONDS = 20
_TINY_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
)


@dataclass(slots=True)
class _Running:
    status: socket.socket
    words: int


@dataclass(slots=True)
class Zygote:
    """Forks a child for each message on `control` and reports how it ended."""

    control: socket.socket
    selector: selectors.DefaultSelector = field(default_factory=selectors.DefaultSelector)
    running: dict[int, _Running] = field(default_factory=dict)

    def serve(self) -> None:
        """Returns when the other end of `control` is closed; no child outlives it."""
        wake, wake_up = socket.socketpair()
        wake.settimeout(0)
        wake_up.settimeout(0)
        # Not an exception: it could strike in the middle of clearing up.
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(wake_up.fileno(), warn_on_full_buffer=False)
        self.selector.register(self.control, selectors.EVENT_READ, _CONTROL)
        self.selector.register(wake, selectors.EVENT_READ, _ENDED)
        self.control.send(READY)
        try:
            while self._step(wake):
                pass
        finally:
            for pid in list(self.running):
                self._kill(pid)

    def _step(self, wake: socket.socket) -> bool:
        for key, _ in self.selector.select():
            if key.data == _CONTROL:
                if not self._accept():
                    return False
            elif key.data == _ENDED:
                if signal.SIGTERM in wake.recv(4096):
                    return False
                self._reap()
            elif key.fileobj in self.selector.get_map():
                # The host closed its end: the file is given up.
                self._kill(key.data)
                self.selector.unregister(key.fileobj)
        return True

    def _accept(self) -> bool:
        message, fds, _, _ = socket.recv_fds(self.control, _MESSAGE, 3)
        if not message:
            return False
        file, result, status = fds
        words = os.memfd_create("last-words")
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            child.run(Job.decode(message), parent, (file, result, words))
        os.close(file)
        os.close(result)
        entry = _Running(socket.socket(fileno=status), words)
        self.running[pid] = entry
        self.selector.register(entry.status, selectors.EVENT_READ, pid)
        return True

    def _reap(self) -> None:
        for pid in list(self.running):
            ended, wait_status, usage = os.wait4(pid, os.WNOHANG)
            if ended:
                self._report(self.running.pop(pid), wait_status, usage.ru_maxrss * 1024)

    def _report(self, entry: _Running, wait_status: int, peak: int) -> None:
        size = os.lseek(entry.words, 0, os.SEEK_END)
        tail = os.pread(entry.words, _LAST_WORDS, max(0, size - _LAST_WORDS))
        os.close(entry.words)
        code = os.waitstatus_to_exitcode(wait_status)
        ending = Ending(code, peak, tail.decode("utf-8", errors="replace"))
        self._forget(entry.status)
        # A host that gave the file up no longer listens.
        with entry.status, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            entry.status.send(ending.encode())

    def _kill(self, pid: int) -> None:
        # A child cannot fork, so that its process is all there is to kill.
        if pid in self.running:
            os.kill(pid, signal.SIGKILL)

    def _forget(self, status: socket.socket) -> None:
        if status in self.selector.get_map():
            self.selector.unregister(status)


def preload(directory: Path) -> None:
    """Loads what a confined child could not open: codecs, and the PDF library.

    The PDF library unpacks itself below `directory` on its first use and starts threads; that
    happens in a process of its own, for a process with threads must not fork.
    """
    load_codecs()
    pid = os.fork()
    if pid == 0:
        signal.alarm(_PRELOAD_SECONDS)
        try:
            with contextlib.suppress(DocumentError):
                extract(_TINY_PDF, "application/pdf", "plain")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    for library in directory.rglob("*.so"):
        ctypes.CDLL(str(library))


def main(arguments: list[str]) -> None:
    """Serves on the inherited socket until the host closes it or ends."""
    control = socket.socket(fileno=int(arguments[0]))
    directory = Path(arguments[1])
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    die_with_parent(signal.SIGTERM)
    try:
        preload(directory)
        gc.collect()
        gc.freeze()
        Zygote(control).serve()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
