"""Folders that several processes share: what is whose, and what may be removed.

A folder that a process works in bears its number. What no living process works in is disposable:
everything here can come again from the database.
"""

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

import psutil  # type: ignore[import-untyped]  # it ships no types

CLOCK_SECONDS = 60.0
_OWNED = re.compile(r"(?:work|incoming)-(\d+)-[0-9a-f]+")


def own_name(kind: Literal["work", "incoming"]) -> str:
    """A new name for a folder that this process works in."""
    return f"{kind}-{os.getpid()}-{uuid4().hex}"


def remove(path: Path) -> None:
    """Remove a folder or file at once; a generation that is half removed is none."""
    away = path.with_name(own_name("incoming"))
    with suppress(FileNotFoundError):
        path.rename(away)
    if away.is_file():
        away.unlink(missing_ok=True)
    shutil.rmtree(away, ignore_errors=True)


def remove_abandoned(folder: Path) -> None:
    """Remove what processes that are gone have worked in."""
    for path in _inside(folder):
        if _is_abandoned(path):
            shutil.rmtree(path, ignore_errors=True)


def remove_unused(folder: Path) -> None:
    """Remove a collection's folder; what a living process works in stays, with what leads to it."""
    for path in _inside(folder):
        for part in _inside(path):
            if not _OWNED.fullmatch(part.name) or _is_abandoned(part):
                remove(part)
        if not path.is_dir():
            remove(path)
        _remove_empty(path)
    _remove_empty(folder)


def named_by_ids(folder: Path) -> set[UUID]:
    """The ids that name a folder in `folder`; what has another name is nobody's of ours."""
    found = set()
    for path in _inside(folder):
        with suppress(ValueError):
            found.add(UUID(path.name))
    return found


def _inside(folder: Path) -> list[Path]:
    with suppress(FileNotFoundError, NotADirectoryError):
        return list(folder.iterdir())
    return []


def _remove_empty(folder: Path) -> None:
    # Not empty: a process works in it. Gone: another one was faster.
    with suppress(OSError):
        folder.rmdir()


def _is_abandoned(path: Path) -> bool:
    owned = _OWNED.fullmatch(path.name)
    return owned is not None and not _is_owner(int(owned[1]), path)


def _is_owner(pid: int, path: Path) -> bool:
    """Whether the process made the folder, and not an earlier one of the same number."""
    try:
        born = float(psutil.Process(pid).create_time())
        return path.stat().st_mtime > born - CLOCK_SECONDS
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False
