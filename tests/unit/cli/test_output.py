"""What commands print: every form of it, and nothing that could steer a terminal."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import typer

from citewell.cli.output import Exit, Form, cell, exit_for, fail, plain, show, show_one
from citewell.cli.running.serving import warn_unknown

EVIL = "title\x1b]0;owned\x07\x1b[2J\u202e\x00end"
ROWS: list[dict[str, Any]] = [
    {"id": "1", "title": 'Café, "quoted"', "note": None},
    {"id": "2", "title": "=HYPERLINK(1)", "note": {"a": 1}},
]
COLUMNS = ("id", "title", "note")
Printed = Callable[[Form], str]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    def show_as(form: Form) -> str:
        show(ROWS, COLUMNS, form)
        return capsys.readouterr().out

    return show_as


def test_json_is_one_list_and_json_lines_one_object_a_line(printed: Printed) -> None:
    assert json.loads(printed(Form.JSON)) == ROWS
    assert [json.loads(line) for line in printed(Form.JSONL).splitlines()] == ROWS
    assert "Café" in printed(Form.JSON)


def test_ids_are_one_a_line(printed: Printed) -> None:
    assert printed(Form.IDS) == "1\n2\n"


def test_csv_can_be_read_back_and_holds_no_formula(printed: Printed) -> None:
    lines = list(csv.reader(io.StringIO(printed(Form.CSV))))
    assert lines[0] == list(COLUMNS)
    assert lines[1][1] == 'Café, "quoted"'
    assert lines[2][1] == "'=HYPERLINK(1)"


def test_a_table_in_a_pipe_has_aligned_columns_and_no_colour(printed: Printed) -> None:
    head, first, second = printed(Form.TABLE).splitlines()
    assert head.index("title") == first.index("Café") == second.index("=HYPER")
    assert "\x1b" not in head + first + second


@pytest.mark.parametrize("form", [Form.TABLE, Form.CSV])
def test_a_title_cannot_write_to_the_terminal(
    form: Form, capsys: pytest.CaptureFixture[str]
) -> None:
    show([{"title": EVIL}], ("title",), form)
    show_one({"title": EVIL}, Form.TABLE)
    said = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x00", "\u202e"} & set(said)
    assert "owned" in said


def test_json_escapes_what_could_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"title": EVIL}], ("title",), Form.JSON)
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert json.loads(said)[0]["title"] == EVIL


def test_a_cell_stays_on_its_line() -> None:
    assert cell("a\nb\tc") == "a b c"
    assert cell(None) == ""
    assert plain("two\nlines\r") == "two\nlines�"


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, 4), (403, 4), (404, 6), (429, 7), (503, 5), (504, 8), (422, 2), (500, 1)],
)
def test_every_refusal_has_its_exit_code(status: int, code: int) -> None:
    assert exit_for(status) == code


def test_a_failure_names_the_cause_and_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        fail("It is full.", "Empty it.", code=Exit.LIMITED)
    assert ended.value.exit_code == 7
    assert capsys.readouterr().err == "Error: It is full.\nEmpty it.\n"
    with pytest.raises(typer.Exit):
        fail("It is full.", "Empty it.", as_json=True)
    said = json.loads(capsys.readouterr().err)
    assert said == {"error": "It is full.", "hint": "Empty it.", "exit": 1}


def test_a_misspelt_setting_is_named_with_the_nearest_that_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CITEWELL_HOEM", "/x")
    monkeypatch.setenv("CITEWELL_LIMITS__UPLOAD_BYTE", "1")
    monkeypatch.setenv("CITEWELL_API_KEY", "known")
    warn_unknown()
    said = capsys.readouterr().err
    assert "CITEWELL_HOEM is not a setting. Did you mean CITEWELL_HOME?" in said
    assert "Did you mean CITEWELL_LIMITS__UPLOAD_BYTES?" in said
    assert "CITEWELL_API_KEY" not in said
