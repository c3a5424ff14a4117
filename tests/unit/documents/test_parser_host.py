"""A file is read by a process that can do nothing else, and that nobody needs to mourn."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from citewell.documents.parsers.host import ParserHost
from citewell.domain.documents import Heading, ParsedText
from citewell.domain.errors import DocumentError, UnavailableError

PATIENCE = 20.0


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A file whose reading takes far longer than any test here waits."""
    path = tmp_path / "slow.json"
    path.write_bytes(b"[" + b"1," * 4_000_000 + b"1]")
    return path


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    path = tmp_path / "quick.md"
    path.write_text("# Title\n\nwörds\n", encoding="utf-8")
    return path


def children(pid: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError):
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def is_zygote(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return b"parsers.zygote" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def zygotes(pid: int) -> list[int]:
    return [child for child in children(pid) if is_zygote(child)]


async def until(condition: Callable[[], bool]) -> None:
    def watch() -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"

    await asyncio.to_thread(watch)


async def reader_of(zygote: int) -> int:
    await until(lambda: bool(children(zygote)))
    return children(zygote)[0]


async def gone(*pids: int) -> None:
    def alive(pid: int) -> bool:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
        return False

    await until(lambda: not any(map(alive, pids)))


def directories() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("citewell-parser-*"))


async def test_what_comes_back_is_what_was_read(quick: Path) -> None:
    async with ParserHost() as host:
        parsed = await host.parse(quick, "quick.md")
    assert isinstance(parsed, ParsedText)
    assert parsed.text == "# Title\n\nwörds\n"
    assert parsed.headings == (Heading(0, 1, "Title"),)


@pytest.mark.parametrize(
    ("charset", "encoding", "words"),
    [
        ("Shift_JIS", "cp932", "佐藤太郎"),
        ("iso-8859-2", "iso8859-2", "Zażółć gęślą"),
        ("big5", "big5", "所有的文件"),
        ("koi8-r", "koi8-r", "Все семьи"),
        ("utf-8", "utf-8", "ελληνικά"),
        ("no-such-thing", "cp1252", "schöne"),
    ],
)
async def test_a_page_in_its_declared_encoding_needs_no_file(
    tmp_path: Path, charset: str, encoding: str, words: str
) -> None:
    path = tmp_path / "p.html"
    page = f"<html><head><meta charset={charset}></head><body><p>{words}</p></body></html>"
    path.write_bytes(page.encode(encoding))
    async with ParserHost() as host:
        assert (await host.parse(path, "p.html")).text == words


async def test_a_refusal_comes_back_with_its_reason_and_hint(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"")
    async with ParserHost() as host:
        with pytest.raises(DocumentError) as caught:
            await host.parse(path, "a.pdf")
    assert (caught.value.reason, caught.value.hint) == ("empty", "Upload the file again.")


async def test_many_files_are_read_at_once(quick: Path) -> None:
    async with ParserHost() as host, asyncio.TaskGroup() as group:
        tasks = [group.create_task(host.parse(quick, "quick.md")) for _ in range(40)]
    assert {task.result().title for task in tasks} == {"Title"}


async def test_the_wall_clock_ends_a_file_and_its_process(slow: Path, quick: Path) -> None:
    async with ParserHost(seconds=0.2) as host:
        (zygote,) = zygotes(os.getpid())
        with pytest.raises(DocumentError) as caught:
            await host.parse(slow, "slow.json")
        assert caught.value.reason == "timeout"
        await until(lambda: not children(zygote))
        assert (await host.parse(quick, "quick.md")).title == "Title"


async def test_a_file_that_needs_too_much_memory_fails_alone(slow: Path, quick: Path) -> None:
    async with ParserHost(memory_bytes=200 << 20) as host:
        with pytest.raises(DocumentError) as caught:
            await host.parse(slow, "slow.json")
        assert caught.value.reason == "memory", caught.value.message
        assert (await host.parse(quick, "quick.md")).title == "Title"


async def test_a_reader_that_breaks_down_is_a_crash_of_that_file(slow: Path, quick: Path) -> None:
    async with ParserHost() as host:
        (zygote,) = zygotes(os.getpid())
        async with asyncio.TaskGroup() as group:
            task = group.create_task(failure(host, slow))
            os.kill(await reader_of(zygote), signal.SIGSEGV)
        error = task.result()
        assert isinstance(error, DocumentError)
        assert error.reason == "crash"
        assert "SIGSEGV" in error.message
        assert zygotes(os.getpid()) == [zygote]


async def test_a_killed_zygote_fails_only_the_file_in_flight(slow: Path, quick: Path) -> None:
    async with ParserHost() as host:
        (zygote,) = zygotes(os.getpid())
        async with asyncio.TaskGroup() as group:
            task = group.create_task(failure(host, slow))
            reader = await reader_of(zygote)
            os.kill(zygote, signal.SIGKILL)
        error = task.result()
        assert isinstance(error, UnavailableError)
        assert error.retryable
        assert (await host.parse(quick, "quick.md")).title == "Title"
        await gone(reader, zygote)


async def failure(host: ParserHost, path: Path) -> DocumentError | UnavailableError:
    try:
        await host.parse(path, path.name)
    except (DocumentError, UnavailableError) as error:
        return error
    pytest.fail("the file was read although its reader was killed")


async def test_a_cancelled_parse_leaves_no_process(slow: Path) -> None:
    async with ParserHost() as host:
        (zygote,) = zygotes(os.getpid())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await host.parse(slow, "slow.json")
        await until(lambda: not children(zygote))


async def test_closing_leaves_no_process_and_no_directory(quick: Path) -> None:
    before = directories()
    async with ParserHost() as host:
        (zygote,) = zygotes(os.getpid())
        await host.parse(quick, "quick.md")
        assert directories() > before
    assert directories() <= before
    await gone(zygote)


HOST = """
import asyncio, sys
from pathlib import Path
from citewell.documents.parsers.host import ParserHost

async def main():
    async with ParserHost() as host:
        print("started", flush=True)
        await host.parse(Path(sys.argv[1]), "slow.json")

asyncio.run(main())
"""


async def test_a_killed_parent_leaves_no_process_and_no_directory(slow: Path) -> None:
    before = directories()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOST, str(slow), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    async with asyncio.timeout(PATIENCE):
        assert await process.stdout.readline() == b"started\n"
    (zygote,) = zygotes(process.pid)
    reader = await reader_of(zygote)
    process.kill()
    await process.communicate()
    await gone(zygote, reader)
    assert directories() <= before


async def test_a_directory_or_link_is_no_file(tmp_path: Path, quick: Path) -> None:
    link = tmp_path / "link.md"
    link.symlink_to(quick)
    async with ParserHost() as host:
        with pytest.raises(DocumentError, match="no regular file"):
            await host.parse(tmp_path, "x.md")
        with pytest.raises(OSError, match="symbolic links"):
            await host.parse(link, "x.md")


CONFINED = """
import os, socket, sys, threading, ctypes, urllib.request
from citewell.documents.parsers.confinement import confine
confine(1 << 30, 1)
def attempt(name, act):
    try:
        act()
        print(name, "allowed")
    except OSError as error:
        print(name, type(error).__name__)
libc = ctypes.CDLL(None, use_errno=True)
def raw(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
attempt("tcp", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
attempt("udp6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
attempt("unix", lambda: socket.socket(socket.AF_UNIX))
attempt("raw", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt("read", lambda: open("/etc/hostname"))
attempt("write", lambda: open("/tmp/citewell-escape", "w"))
attempt("remove", lambda: os.unlink("/tmp/citewell-nothing"))
attempt("fork", os.fork)
attempt("exec", lambda: os.execv("/bin/true", ["true"]))
attempt("kill", lambda: os.kill(os.getppid(), 0))
attempt("uring", lambda: raw(425, 1, 0))
prlimit = 302 if os.uname().machine == "x86_64" else 261
attempt("limits", lambda: raw(prlimit, os.getppid(), 7, 0, 0))
thread = threading.Thread(target=attempt, args=("thread", lambda: None))
thread.start()
thread.join()
attempt("thread-net", lambda: socket.socket())
sys.stdout.flush()
while "spin" in sys.argv:
    pass
"""


def confined(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CONFINED, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_a_confined_process_reaches_nothing_but_its_own_memory() -> None:
    done = confined()
    assert done.returncode == 0, done.stderr
    outcome = dict(line.split(" ") for line in done.stdout.splitlines())
    assert outcome.pop("thread") == "allowed"
    assert set(outcome.values()) == {"PermissionError"}, outcome
    assert len(outcome) == 13


def test_a_confined_process_that_never_stops_is_stopped_by_the_kernel() -> None:
    assert confined("spin").returncode == -signal.SIGXCPU
