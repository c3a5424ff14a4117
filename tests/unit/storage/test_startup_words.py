"""Why a private PostgreSQL does not start: told from words, the present ones only."""

import logging
from pathlib import Path

import pytest

from citewell.storage.server.startup_words import PACKAGE, cause, heard, is_full, is_lasting

NO_ROOM = "FATAL:  could not write to file: No space left on device"


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (NO_ROOM, "could not write to file: No space left on device"),
        ("LOG:  a\nFATAL:  first.\nPANIC:  last.\nLOG:  b", "last"),
        ("initdb: error: could not create directory", "could not create directory"),
        ("LOG:  nothing is wrong", ""),
    ],
)
def test_the_last_failure_is_the_cause(said: str, named: str) -> None:
    assert cause(said) == named


def test_a_full_disk_is_not_waited_for_and_a_busy_server_is() -> None:
    assert is_full(NO_ROOM)
    assert is_lasting(NO_ROOM)
    assert is_lasting("FATAL:  database files are incompatible with server")
    assert not is_lasting("FATAL:  pre-existing shared memory block is still in use")


def test_what_the_log_held_before_is_not_heard(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(NO_ROOM + "\n")
    with heard(log) as words:
        with log.open("a") as file:
            file.write("FATAL:  lock file exists\n")
        logging.getLogger(PACKAGE).error("Failed to start server.\n%s", log.read_text())
        assert cause(words.said) == "lock file exists"
        assert not is_full(words.said)


def test_what_the_package_says_of_a_failure_is_kept_from_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with heard(tmp_path / "log") as words:
        logging.getLogger(PACKAGE).error("initdb: error: no such user")
    assert cause(words.said) == "no such user"
    assert capsys.readouterr().err == ""


def test_what_the_package_says_is_heard_even_where_it_is_silenced(tmp_path: Path) -> None:
    package = logging.getLogger(PACKAGE)
    package.setLevel(logging.CRITICAL)
    try:
        with heard(tmp_path / "log") as words:
            package.error("initdb: error: could not write: No space left on device")
        assert is_full(words.said)
        assert package.level == logging.CRITICAL
    finally:
        package.setLevel(logging.NOTSET)
