"""The installation's secrets: files made once, readable by their owner only."""

import os
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from citewell.accounts import credentials
from citewell.domain.errors import StartError

MIN_DIFFERENT = 8
# What examples and tutorials show is known to everybody.
_EXAMPLES = ("changeme", "changethis", "example", "secret", "password", "default", "admin", "your")


@dataclass(frozen=True, slots=True)
class Kept:
    """A secret: its file, the variable that can give it, and what it is called."""

    file: str
    variable: str
    name: str


ADMIN_KEY = Kept("admin-key", "CITEWELL_ADMIN_KEY", "administrator's key")
SECRET_KEY = Kept("secret-key", "CITEWELL_SECRET_KEY", "secret of the signing keys")


def kept(folder: Path, which: Kept, given: str | None = None, *, may_make: bool = True) -> str:
    """The secret in `folder`, kept there on the first call: `given`, or a fresh one.

    Processes that call it at the same time get the same one. The folder gets mode 0700, the file
    0600. Raises `StartError` for a secret that is short, an example or not visible ASCII, for a
    `given` one that differs from the one kept, for a missing one unless it `may_make` it, and for
    a folder that cannot be written.
    """
    path = folder / which.file
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        if not path.exists():
            _keep(path, _first(which, given, may_make=may_make))
        path.chmod(0o600)
        found = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(
            f"The {which.name} cannot be kept in {path}: {error}.",
            hint="Check that the data directory belongs to this user and is writable.",
        ) from error
    if given is not None and given != found:
        raise StartError(
            f"{which.variable} differs from the {which.name} in {path}.",
            hint="Unset it, or delete the file to make the new one count.",
        )
    return _checked(found, which, str(path))


def _first(which: Kept, given: str | None, *, may_make: bool) -> str:
    if given is not None:
        _refuse_example(_checked(given, which, which.variable), which)
        return given
    if may_make:
        return credentials.new_key()
    raise StartError(
        f"The {which.name} is missing, and a server that others can reach makes up none.",
        hint=f"Set {which.variable} to {credentials.MIN_LENGTH} or more random characters"
        " (`openssl rand -hex 32`), or start once on 127.0.0.1.",
    )


def _checked(secret: str, which: Kept, origin: str) -> str:
    if not credentials.looks_valid(secret):
        raise StartError(
            f"The {which.name} in {origin} is not {credentials.MIN_LENGTH} to"
            f" {credentials.MAX_LENGTH} visible ASCII characters.",
            hint="Delete it to have a strong one made, or give a longer one.",
        )
    return secret


def _refuse_example(secret: str, which: Kept) -> None:
    is_example = any(word in secret.lower() for word in _EXAMPLES)
    if len(set(secret)) < MIN_DIFFERENT or is_example:
        raise StartError(
            f"The {which.name} in {which.variable} is an example or a pattern, not a secret.",
            hint="Make one with `openssl rand -hex 32`.",
        )


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
