"""The administrator's key file: made once, readable by its owner only."""

import os
from pathlib import Path
from uuid import uuid4

from citewell.accounts import credentials
from citewell.domain.errors import StartError

FILE_NAME = "admin-key"


def admin_key(folder: Path, given: str | None = None) -> str:
    """The key in `folder`, kept there on the first call: `given`, or a fresh one.

    Processes that call it at the same time get the same key. The folder gets mode 0700, the file
    0600. Raises `StartError` for a key that is too short or not visible ASCII, for a `given` key
    that differs from the one kept, and for a folder that cannot be written.
    """
    path = folder / FILE_NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        if not path.exists():
            _keep(path, _checked(given or credentials.new_key(), "CITEWELL_ADMIN_KEY"))
        path.chmod(0o600)
        kept = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(
            f"The administrator's key cannot be kept in {path}: {error}.",
            hint="Check that the data directory belongs to this user and is writable.",
        ) from error
    if given is not None and given != kept:
        raise StartError(
            f"CITEWELL_ADMIN_KEY differs from the key in {path}.",
            hint="Unset it, or delete the file to make the new key the administrator's.",
        )
    return _checked(kept, str(path))


def _checked(key: str, origin: str) -> str:
    if not credentials.looks_valid(key):
        raise StartError(
            f"The administrator's key in {origin} is not {credentials.MIN_LENGTH} to"
            f" {credentials.MAX_LENGTH} visible ASCII characters.",
            hint="Delete it to have a strong one made, or give a longer one.",
        )
    return key


def _keep(path: Path, key: str) -> None:
    temporary = path.with_name(f".{uuid4().hex}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(key + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole and never replaces what another process has put there first.
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink()
