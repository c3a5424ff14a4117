"""What commands print: results on stdout, progress and errors on stderr; exit codes."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import Any, NoReturn

import typer

ID_CHARACTERS = 36

JsonObject = Mapping[str, Any]


class Exit(IntEnum):
    """Why a command ended."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    PARTLY = 3
    FORBIDDEN = 4
    UNREACHABLE = 5
    NOT_FOUND = 6
    LIMITED = 7
    TIMEOUT = 8
    CHECK_FAILED = 9
    INTERRUPTED = 130


class Form(StrEnum):
    """How a result is written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    IDS = "ids"


_STATUS = {
    400: Exit.USAGE, 422: Exit.USAGE,
    401: Exit.FORBIDDEN, 403: Exit.FORBIDDEN, 404: Exit.NOT_FOUND, 408: Exit.TIMEOUT,
    429: Exit.LIMITED, 503: Exit.UNREACHABLE, 504: Exit.TIMEOUT,
}  # fmt: skip


_CODES = {
    "invalid": Exit.USAGE, "unauthenticated": Exit.FORBIDDEN, "forbidden": Exit.FORBIDDEN,
    "not_found": Exit.NOT_FOUND, "rate_limited": Exit.LIMITED, "unavailable": Exit.UNREACHABLE,
    "timeout": Exit.TIMEOUT,
}  # fmt: skip


def exit_for(status: int) -> Exit:
    """The exit code of a refused request."""
    return _STATUS.get(status, Exit.FAILURE)


def exit_for_code(code: str) -> Exit:
    """The exit code of a problem that came without an HTTP status."""
    return _CODES.get(code, Exit.FAILURE)


def say(message: str) -> None:
    """Progress, warnings: for people, on stderr."""
    print(message, file=sys.stderr, flush=True)


def fail(
    message: str, hint: str = "", *, code: Exit = Exit.FAILURE, as_json: bool = False
) -> NoReturn:
    """End the command with one error on stderr."""
    say_error(message, hint, code=code, as_json=as_json)
    raise typer.Exit(int(code))


def say_error(message: str, hint: str, *, code: Exit, as_json: bool) -> None:
    """One error on stderr: for people, or one JSON object."""
    if as_json:
        say(json.dumps({"error": message, "hint": hint, "exit": int(code)}))
    else:
        say(f"Error: {message}" + (f"\n{hint}" if hint else ""))


def show(rows: Sequence[JsonObject], columns: Sequence[str], form: Form) -> None:
    """A list of objects in the form that was asked for."""
    match form:
        case Form.JSON:
            _write(json.dumps(list(rows), ensure_ascii=False, indent=2))
        case Form.JSONL:
            for row in rows:
                _write(json.dumps(row, ensure_ascii=False))
        case Form.IDS:
            for row in rows:
                _write(str(_id(row)))
        case Form.CSV:
            _write_csv(rows, columns)
        case Form.TABLE:
            _write_table(rows, columns)


def show_one(row: JsonObject, form: Form) -> None:
    """One object: as a list of one would be written, or a line per field."""
    if form is Form.JSON:
        _write(json.dumps(row, ensure_ascii=False, indent=2))
        return
    if form is not Form.TABLE:
        show([row], tuple(row), form)
        return
    width = max((len(name) for name in row), default=0)
    for name, value in row.items():
        _write(f"{name.ljust(width)}  {cell(value)}")


def cell(value: Any) -> str:
    """A value on one line, without what could steer a terminal."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return plain(" ".join(text.split()))


def plain(text: str) -> str:
    """The text without control characters, so that a document cannot write to the terminal."""
    return "".join(c if c == "\n" or c.isprintable() else "�" for c in text)


def is_terminal() -> bool:
    """Whether progress may be drawn."""
    return sys.stderr.isatty()


def _id(row: JsonObject) -> Any:
    found = next((row[name] for name in ("id", "document_id", "passage_id") if name in row), None)
    if found is None:
        fail("This result has no ids.", "Write it in another form.", code=Exit.USAGE)
    return found


def _write(text: str) -> None:
    print(text, flush=True)


def _write_csv(rows: Iterable[JsonObject], columns: Sequence[str]) -> None:
    import csv

    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_harmless(cell(row.get(name))) for name in columns])


# Full-width forms count for some programs too.
_FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t")


def _harmless(text: str) -> str:
    """A cell that a spreadsheet does not take for a formula (OWASP, CSV Injection)."""
    return f"'{text}" if text.startswith(_FORMULAS) else text


def _write_table(rows: Sequence[JsonObject], columns: Sequence[str]) -> None:
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in columns:
            # Half an id is of no use; anything else may be folded.
            whole = ID_CHARACTERS if name == "id" or name.endswith("_id") else None
            table.add_column(name, min_width=whole, overflow="fold")
        for row in rows:
            table.add_row(*(cell(row.get(name)) for name in columns))
        Console().print(table, markup=False)
        return
    cells = [list(columns), *([cell(row.get(name)) for name in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        _write("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())
