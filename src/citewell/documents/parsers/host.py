"""Reads files in processes that can do nothing else, from an asyncio program."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import stat
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from citewell.documents.parsers.wire import READY, UNCONFINED_EXIT, Ending, Job, unframed
from citewell.domain.documents import ParsedText
from citewell.domain.errors import DocumentError, UnavailableError

_CPU_SECONDS = 60
_START_SECONDS = 30.0
_END_SECONDS = 5.0
_CHUNK = 1 << 18
_LARGE = 1 << 20
# Six bytes are the most that JSON makes of one character; the rest is headings and metadata.
_BYTES_PER_CHAR = 6
_ROOM = 64 << 20


@dataclass(slots=True)
class _Zygote:
    process: asyncio.subprocess.Process
    control: socket.socket
    directory: str
    lost: bool = False

    @property
    def usable(self) -> bool:
        return not self.lost and self.process.returncode is None


@dataclass(slots=True)
class ParserHost:
    """Keeps one process that forks a confined child per file; many files may be read at once.

    `seconds` is the wall clock limit of a file, `memory_bytes` the address space of its process,
    `text_chars` the most text that it may hold. Use from one event loop.
    """

    seconds: float = 90.0
    memory_bytes: int = 1 << 30
    text_chars: int = 20_000_000
    _zygote: _Zygote | None = field(default=None, init=False)
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def start(self) -> None:
        """Starts the process now instead of with the first file; raises `UnavailableError`."""
        await self._ready()

    async def close(self) -> None:
        """Ends the process and every file in flight; idempotent."""
        zygote, self._zygote = self._zygote, None
        if zygote:
            await _end(zygote)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def parse(self, content: Path | Iterable[bytes], filename: str) -> ParsedText:
        """The canonical text of a file, or of pieces that are kept in memory meanwhile.

        Raises `DocumentError` with one of the reasons of `FailureCode`; `UnavailableError` when
        the reading process itself is gone, which says nothing about the file: try again; `OSError`
        when a file cannot be opened.
        """
        file = await asyncio.to_thread(_opened, content)
        try:
            return await self._parse(file, filename)
        finally:
            os.close(file)

    async def _parse(self, file: int, filename: str) -> ParsedText:
        result, result_end = _pair()
        status, status_end = _pair()
        with result, status:
            with result_end, status_end:
                job = Job(filename, self.memory_bytes, _CPU_SECONDS, self.text_chars)
                fds = [file, result_end.fileno(), status_end.fileno()]
                zygote = await self._send(job, fds)
            # Closing `status` on the way out tells the zygote to kill the child.
            try:
                async with asyncio.timeout(self.seconds):
                    frame = await _received(result, self._frame_limit())
                    report = await _received(status, _LARGE)
            except TimeoutError as error:
                raise _timed_out(self.seconds) from error
        if not report:
            zygote.lost = True
            raise _gone()
        return await self._concluded(frame, Ending.decode(bytes(report)))

    async def _concluded(self, frame: bytearray, ending: Ending) -> ParsedText:
        if ending.exit_code:
            raise _explained(ending, self.memory_bytes)
        if len(frame) > _LARGE:
            parsed = await asyncio.to_thread(unframed, frame)
        else:
            parsed = unframed(frame)
        if parsed is None:
            raise _crashed("its answer was cut off")
        if isinstance(parsed, DocumentError):
            raise parsed
        return parsed

    async def _send(self, job: Job, fds: list[int]) -> _Zygote:
        for _ in range(2):
            zygote = await self._ready()
            try:
                socket.send_fds(zygote.control, [job.encode()], fds)
            except BlockingIOError as error:
                raise UnavailableError(
                    "Too many files wait to be read.", hint="Try again in a moment."
                ) from error
            except (BrokenPipeError, ConnectionError):
                zygote.lost = True
            else:
                return zygote
        raise _gone()

    async def _ready(self) -> _Zygote:
        async with self._starting:
            if self._zygote and not self._zygote.usable:
                await self.close()
            if self._zygote is None:
                self._zygote = await _started()
            return self._zygote

    def _frame_limit(self) -> int:
        return self.text_chars * _BYTES_PER_CHAR + _ROOM


def _opened(content: Path | Iterable[bytes]) -> int:
    if not isinstance(content, Path):
        return _held(content)
    file = os.open(content, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise DocumentError("unsupported", "The path is no regular file.", hint="Upload a file.")
    return file


def _held(pieces: Iterable[bytes]) -> int:
    """A file without a name that no disk sees: what was sealed is not written out plain."""
    file = os.memfd_create("content", os.MFD_CLOEXEC)
    try:
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[os.write(file, view) :]
        os.lseek(file, 0, os.SEEK_SET)
    except BaseException:
        os.close(file)
        raise
    return file


def _pair() -> tuple[socket.socket, socket.socket]:
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    mine.settimeout(0)
    return mine, theirs


async def _received(source: socket.socket, limit: int) -> bytearray:
    loop = asyncio.get_running_loop()
    data = bytearray()
    while chunk := await loop.sock_recv(source, _CHUNK):
        data += chunk
        if len(data) > limit:
            raise DocumentError(
                "too_large", "The file becomes too much text.", hint="Split it into several files."
            )
    return data


async def _started() -> _Zygote:
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.settimeout(0)
    directory = await asyncio.to_thread(tempfile.mkdtemp, prefix="citewell-parser-")
    with theirs:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            "citewell.documents.parsers.zygote",
            str(theirs.fileno()),
            directory,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            cwd="/",
            # Two allocation arenas, for each reserves 64 MB of the address space that is limited.
            env={"TMPDIR": directory, "HOME": directory, "MALLOC_ARENA_MAX": "2"},
        )
    zygote = _Zygote(process, control, directory)
    loop = asyncio.get_running_loop()
    greeting = b""
    try:
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_START_SECONDS):
                greeting = await loop.sock_recv(control, 64)
    finally:
        # Also when the caller is cancelled meanwhile: no process stays behind.
        if greeting != READY:
            await _end(zygote)
    if greeting != READY:
        raise _gone()
    return zygote


async def _end(zygote: _Zygote) -> None:
    zygote.control.close()
    try:
        async with asyncio.timeout(_END_SECONDS):
            await zygote.process.wait()
    except TimeoutError:
        zygote.process.kill()
        await zygote.process.wait()
    await asyncio.to_thread(shutil.rmtree, zygote.directory, ignore_errors=True)


def _explained(ending: Ending, memory_bytes: int) -> DocumentError | UnavailableError:
    words = ending.last_words.strip()
    if ending.exit_code == UNCONFINED_EXIT:
        return UnavailableError(
            f"The sandbox for reading files cannot be set up: {words}",
            hint="Run Citewell on a Linux kernel that allows seccomp filters.",
        )
    if ending.exit_code == -signal.SIGXCPU:
        return _timed_out(_CPU_SECONDS)
    starved = "memory allocation" in words or "MemoryError" in words or "bad_alloc" in words
    # The kernel kills with this signal when the whole machine is short of memory.
    if starved or ending.exit_code == -signal.SIGKILL or ending.peak_bytes > memory_bytes * 0.8:
        return DocumentError(
            "memory",
            f"Reading the file takes more than {memory_bytes >> 20} MB of memory.",
            hint="Split it into several files.",
        )
    with contextlib.suppress(ValueError):
        return _crashed(f"it was ended by {signal.Signals(-ending.exit_code).name}")
    return _crashed(words.rsplit("\n", 1)[-1][:200] or f"exit code {ending.exit_code}")


def _timed_out(seconds: float) -> DocumentError:
    return DocumentError(
        "timeout",
        f"Reading the file took longer than {seconds:g} seconds.",
        hint="Split it into several files, or save it in a simpler form.",
    )


def _crashed(why: str) -> DocumentError:
    return DocumentError(
        "crash",
        f"The reader broke down on this file: {why}.",
        hint="Save it again in the program that made it, or as PDF.",
    )


def _gone() -> UnavailableError:
    return UnavailableError(
        "The process that reads files has ended.", hint="Try again in a moment.", retry_after=1.0
    )
