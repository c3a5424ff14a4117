"""Which tests show which promise of security, as SECURITY.md has it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "SECURITY.md"
_ROW = re.compile(r"^\| (S\d+\w?) \|.*\|([^|]+)\|$", re.MULTILINE)
_TESTS = re.compile(r"`(tests/[^`]+)`")


def promises() -> Mapping[str, Sequence[str]]:
    """Files and folders of tests by the id of their promise, in the page's order."""
    return {name: _TESTS.findall(shown) for name, shown in _ROW.findall(PAGE.read_text("utf-8"))}


def promised_by(file: str, known: Mapping[str, Sequence[str]]) -> list[str]:
    """The ids of the promises that a file of tests shows."""
    return [
        name for name, paths in known.items() if any(f"{file}/".startswith(f"{p}/") for p in paths)
    ]
