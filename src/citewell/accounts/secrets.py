"""The administrator's key: made once, kept in a file that only its owner can read."""

import hashlib
import os
import secrets
from pathlib import Path

from citewell.domain.errors import StartError

PREFIX = "cw_"
KEY_BYTES = 32
MIN_LENGTH = 32


def new_key() -> str:
    """A key of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(KEY_BYTES)


def digest(key: str) -> bytes:
    """What is stored of a key. Its 256 random bits need no slow hash (OWASP, Password Storage)."""
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


def admin_key(folder: Path, given: str | None) -> str:
    """The key in `folder`/admin-key, written on the first start from `given` or at random.

    Raises `StartError` when the folder cannot be written or the key is too short to be one.
    """
    path = folder / "admin-key"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists():
            kept = path.read_text("ascii").strip()
        else:
            kept = given or new_key()
            _check(kept)
            _write_once(path, kept)
            kept = path.read_text("ascii").strip()
    except (OSError, UnicodeError) as error:
        raise StartError(
            f"The administrator's key in {path} cannot be read or written: {error}",
            hint="Check the permissions of the data directory.",
        ) from error
    _check(kept)
    return kept


def _write_once(path: Path, key: str) -> None:
    """Whole or not at all, and never over a key that another process has just written."""
    temporary = path.with_name(f".admin-key-{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _check(key: str) -> None:
    if len(key) < MIN_LENGTH or not key.isascii() or not key.isprintable():
        raise StartError(
            f"The administrator's key is shorter than {MIN_LENGTH} characters.",
            hint="Unset CITEWELL_ADMIN_KEY to have one made, or give a longer one.",
        )
