"""The data directory: where everything lies that is not in a database."""

import errno
import os
from pathlib import Path

from citewell.domain.errors import StartError


def prepare_home(home: Path) -> Path:
    """The data directory with its folders. Raises `StartError` when it cannot be used."""
    resolved = home.expanduser().absolute()
    try:
        for name in ("blobs", "index", "logs", "secrets"):
            (resolved / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = resolved / f".probe-{os.getpid()}"
        probe.write_bytes(b"writable")
        probe.unlink()
    except OSError as error:
        raise _home_error(resolved, error) from error
    return resolved


def _home_error(home: Path, error: OSError) -> StartError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StartError(
            f"The disk that holds {home} is full.", hint="Free some space and start again."
        )
    return StartError(
        f"The data directory {home} cannot be written: {error.strerror}.",
        hint="Set CITEWELL_HOME to a folder that you may write.",
    )
