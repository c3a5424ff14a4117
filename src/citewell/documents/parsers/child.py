"""The process that reads one file: confined first, then it reads, answers and ends."""

import fcntl
import os
import signal
import sys
import traceback

from citewell.documents.parsers.confinement import confine, die_with_parent
from citewell.documents.parsers.reading import read
from citewell.documents.parsers.wire import UNCONFINED_EXIT, Job, framed
from citewell.domain.errors import DocumentError

INPUT, RESULT = 3, 4


def run(job: Job, parent: int, descriptors: tuple[int, int, int]) -> None:
    """Reads one file and never returns. `descriptors`: the file, the result, the last words."""
    code = 1
    try:
        _settle(parent, descriptors)
        code = _confined(job) or _answer(job)
    finally:
        # An exception must not unwind into the zygote's loop: it is told and ends here.
        if sys.exc_info()[0]:
            traceback.print_exc(limit=5)
            sys.stderr.flush()
        os._exit(code)


def _settle(parent: int, descriptors: tuple[int, int, int]) -> None:
    die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        raise ProcessLookupError(f"the zygote {parent} has ended")
    signal.set_wakeup_fd(-1)
    for caught in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(caught, signal.SIG_DFL)
    # Above the numbers they are going to, so that none is overwritten before its turn.
    moved = [fcntl.fcntl(fd, fcntl.F_DUPFD, RESULT + 1) for fd in descriptors]
    for fd, number in zip(moved, (INPUT, RESULT, 2), strict=True):
        os.dup2(fd, number, inheritable=False)
    os.closerange(RESULT + 1, 4096)
    os.chdir("/")


def _confined(job: Job) -> int:
    try:
        confine(job.memory_bytes, job.cpu_seconds)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return UNCONFINED_EXIT
    return 0


def _answer(job: Job) -> int:
    # Made before the memory is gone, for then nothing can be made any more.
    starved, nested = framed(_STARVED), framed(_NESTED)
    try:
        result = _result(job)
    except MemoryError:
        result = starved
    except RecursionError:
        result = nested
    view = memoryview(result)
    while view:
        view = view[os.write(RESULT, view) :]
    return 0


def _result(job: Job) -> bytes:
    with open(INPUT, "rb", buffering=0) as file:
        data = file.readall()
    try:
        return framed(read(data, job.filename, text_chars=job.text_chars))
    except DocumentError as error:
        return framed(error)


_STARVED = DocumentError(
    "memory", "The file needs more memory than one file may use.", hint="Split it into several."
)
_NESTED = DocumentError(
    "corrupt", "The file is nested too deeply.", hint="Save it again in a simpler form."
)
