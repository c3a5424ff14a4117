"""Reads every file of a folder as a server would, and tells of each how it ended.

Run as `python -m tests.security.files.reading FOLDER GOOD`. Whoever asks for a socket in here, or
in any process started from here, is killed on the spot: an attempt cannot stay unseen. A line of
JSON per file goes to the standard output, `null` behind the last; an exit code other than zero is
the death of a parent.
"""

import asyncio
import ctypes
import hashlib
import json
import os
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from citewell.documents.parsers import confinement
from citewell.documents.parsers.host import ParserHost
from citewell.domain.errors import DocumentError

AT_ONCE = 4
GOOD_AFTER = 400
END_SECONDS = 20.0
READY = "ready"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`ended` is `ready` or `failed:CODE`; `said` the reason, or how a text of `chars` begins."""

    name: str
    ended: str
    seconds: float
    said: str = ""
    chars: int = 0
    digest: str = ""
    good: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds: descriptors of its own, of the process that forks, and children."""

    own: int
    forking: int
    children: int


def forbid_sockets() -> None:
    """From now on, here and in everything started from here, asking for a socket is the end."""
    column = confinement._ARCHES[os.uname().machine][1]
    kill = (confinement._RETURN, 0, 0, confinement._KILL)
    steps = [(confinement._LOAD, 0, 0, confinement._NUMBER_AT)]
    for call in ("socket", "connect", "bind", "io_uring_setup"):
        number = confinement._REFUSED[call][column]
        steps += [(confinement._EQUAL, 0, 1, number), kill]
    steps.append((confinement._RETURN, 0, 0, confinement._ALLOW))
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    program = confinement._Program(len(steps), code)
    confinement._prctl(confinement._PR_SET_NO_NEW_PRIVS, 1)
    confinement._prctl(
        confinement._PR_SET_SECCOMP, confinement._FILTER_MODE, ctypes.addressof(program)
    )


async def outcome(host: ParserHost, path: Path, *, good: bool = False) -> Outcome:
    started = time.monotonic()
    try:
        parsed = await host.parse(path, path.name)
    except DocumentError as error:
        seconds = time.monotonic() - started
        said = error.message if error.message and error.hint else ""
        return Outcome(path.name, f"failed:{error.reason}", seconds, said, good=good)
    seconds = time.monotonic() - started
    text = parsed.text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Outcome(path.name, READY, seconds, text[:2_000], len(text), digest, good)


async def read_all(bad: Iterator[Path], others: list[Path]) -> None:
    async with ParserHost() as host:
        for path in others:
            tell_outcome(await outcome(host, path, good=True))
        before = held(host)
        while batch := list(zip(range(GOOD_AFTER), bad, strict=False)):
            waiting = iter([path for _, path in batch])
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(read_next(host, waiting))
                group.create_task(read_good(host, others))
        await settled(host, before)
    assert os.listdir(tempfile.gettempdir()) == [], os.listdir(tempfile.gettempdir())
    assert children(os.getpid()) == [], children(os.getpid())


async def read_next(host: ParserHost, waiting: Iterator[Path]) -> None:
    for path in waiting:
        tell_outcome(await outcome(host, path))


async def read_good(host: ParserHost, others: list[Path]) -> None:
    for path in others:
        tell_outcome(await outcome(host, path, good=True))


async def settled(host: ParserHost, before: Held) -> None:
    """Waits until nothing more is held than `before`."""
    deadline = time.monotonic() + END_SECONDS
    while held(host) != before:
        assert time.monotonic() < deadline, f"{held(host)} is held, {before} was"
        await asyncio.sleep(0.01)


def held(host: ParserHost) -> Held:
    assert host._zygote is not None
    zygote = host._zygote.process.pid
    return Held(descriptors(os.getpid()), descriptors(zygote), len(children(zygote)))


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def tell_outcome(told: Outcome) -> None:
    print(json.dumps(asdict(told)), flush=True)


if __name__ == "__main__":
    forbid_sockets()
    bad, others = (sorted(Path(name).iterdir()) for name in sys.argv[1:])
    asyncio.run(read_all(iter(bad), others))
    print("null", flush=True)
