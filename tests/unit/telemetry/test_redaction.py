"""What a log may tell: where and what kind, never a credential or a person's words."""

import io
import json
import logging
import sys
from typing import Any

import pytest
from sqlalchemy import text

from citewell.domain.errors import ConflictError, InvalidError
from citewell.storage.database import Database
from citewell.telemetry.logs import configure, logger
from citewell.telemetry.redaction import HIDDEN, redacted, told

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
SECRETS = [
    ("cw_0123456789abcdef", ""), ("sk-proj-0123456789", ""), ("ghp_0123456789abcdef", ""),
    ("AKIA0123456789ABCDEF", ""), ("xoxb-0123456789-abc", ""), ("glpat-0123456789ab", ""),
    ("hf_0123456789abcdef", ""), ("AIza0123456789abcdef", ""), (f"Bearer {JWT}", JWT), (JWT, ""),
    ("Basic YWRhOmxvdmVsYWNl", "YWRhOmxvdmVsYWNl"), ("postgresql://ada:l0velace@db/x", "l0velace"),
    ("https://token7@host/", "token7"), ("password=l0velace", "l0velace"),
    ("api_key: l0velace", "l0velace"), ("ada@example.org", ""),
    ("-----BEGIN PRIVATE KEY-----MIIE-----END PRIVATE KEY-----", "MIIE"),
]  # fmt: skip


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What this process writes to its log."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure("debug")
    return written


def read(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


@pytest.mark.parametrize(("written", "secret"), SECRETS)
def test_a_secret_is_known_by_its_look_in_any_depth(written: str, secret: str) -> None:
    shown = json.dumps(redacted("why", {"a": [f"it said {written} twice", {"b": (written,)}]}))
    assert (secret or written) not in shown
    assert shown.count(HIDDEN) == 2


@pytest.mark.parametrize(
    "name", ["api_key", "Authorization", "set-cookie", "database_url", "title", "question", "email"]
)
def test_a_field_of_this_name_is_hidden_whatever_it_holds(name: str) -> None:
    assert redacted("x", {name: "plain"}) == {name: HIDDEN}


def test_what_tells_nothing_of_anybody_stays() -> None:
    kept = {"job": "01a20dec-73e9-7586-bb94-508e722cbec7", "ms": 1.5, "ok": True, "none": None}
    assert redacted("x", kept) == kept


def test_an_error_is_told_by_its_places_and_kinds_without_what_it_quotes() -> None:
    try:
        try:
            int("my-diary")
        except ValueError as error:
            raise ConflictError("'my-diary' is there already.") from error
    except ConflictError as error:
        shown = told(error)
    assert "my-diary" not in shown
    assert "builtins.ValueError: invalid literal for int() with base 10: '…'" in shown
    assert "ConflictError: conflict" in shown
    assert "test_redaction.py" in shown


def test_every_error_of_a_group_is_told() -> None:
    shown = told(ExceptionGroup("both", [KeyError("my-diary"), OSError(2, "gone", "my-diary")]))
    assert "my-diary" not in shown
    assert "KeyError" in shown
    assert "FileNotFoundError" in shown


async def test_an_error_of_the_database_quotes_no_row(database: Database) -> None:
    with pytest.raises(InvalidError) as refused:
        async with database._begin() as connection:
            await connection.execute(text("SELECT CAST(:text AS uuid)"), {"text": "my-diary"})
    assert "my-diary" in str(refused.value.__cause__)
    assert "my-diary" not in told(refused.value)
    assert "InvalidTextRepresentation" in told(refused.value)


def test_no_text_makes_a_second_line(lines: io.StringIO) -> None:
    logger("room").warning("event", why='a\r\n{"event": "forged"}\u2028b\x1b[31m')
    logging.getLogger("library").error("told\n%s", '{"event": "forged"}')
    assert len(read(lines)) == 2
    assert "\x1b" not in lines.getvalue()


def test_what_a_library_logs_is_a_line_of_ours_without_its_secrets(lines: io.StringIO) -> None:
    try:
        dict[str, str]()["my-diary"]
    except KeyError:
        logging.getLogger("library").exception("cannot reach postgresql://ada:l0velace@db/x")
    (line,) = read(lines)
    assert line["level"] == "error"
    assert "KeyError" in line["exception"]
    assert "l0velace" not in lines.getvalue()
    assert "my-diary" not in lines.getvalue()


def test_adversarial_text_is_redacted_in_linear_time() -> None:
    # 100 kB each; a pattern that backtracks takes minutes, not milliseconds.
    for text_ in (
        "a" * 100_000,
        "a.b@" * 25_000,
        "://" * 33_000,
        "'" * 100_001,
        "-----BEGIN " * 9000,
    ):
        redacted("why", text_)
        told(ValueError(text_))
