"""The security tests in their full size, and what each of them counted.

usage: python -m benchmarks.storm [PYTEST ARGUMENT …]; writes benchmarks/results/storm.json. Takes
about an hour on two cores. Exits with pytest's code: a promise that is broken stops nothing of the
others, and its failure is in the file.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from benchmarks.machine import machine

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "storm.json"
TESTS = (
    "tests/security",
    "tests/api/test_authorization.py",
    "tests/api/test_authorization_matrix.py",
    "tests/api/test_hostile_names.py",
    "tests/api/test_hostile_text.py",
    "tests/api/test_stalls.py",
    "tests/unit/accounts",
    "tests/unit/storage/test_row_level_security.py",
    "tests/unit/storage/test_audit.py",
)
WORST = ("failure", "error", "skipped")


def told(report: Path) -> list[dict[str, Any]]:
    """One record per test: its outcome, its seconds, and what it counted."""
    # The file was written by our own run a moment ago.
    cases = Xml.parse(report).iter("testcase")
    return [_case(case) for case in cases]


def _case(case: "Xml.Element[str]") -> dict[str, Any]:
    outcome = next((name for name in WORST if case.find(name) is not None), "passed")
    counted = {p.attrib["name"]: _number(p.attrib["value"]) for p in case.iter("property")}
    place = case.attrib["classname"].removeprefix("tests.").replace(".", "/")
    return {
        "test": f"{place}: {case.attrib['name'].replace('_', ' ').removeprefix('test ')}",
        "outcome": outcome,
        "seconds": round(float(case.attrib["time"]), 1),
        **({"counted": counted} if counted else {}),
    }


def _number(value: str) -> int | str:
    return int(value) if value.isdigit() else value


def main() -> None:
    """Run, write, and tell pytest's verdict."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "storm.xml"
        command = [
            sys.executable, "-m", "pytest", "--storm", "--timeout=21600", "-q",
            f"--junitxml={report}", *(sys.argv[1:] or TESTS),
        ]  # fmt: skip
        began = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, check=False)
        figures = told(report)
    outcomes = [one["outcome"] for one in figures]
    result = {
        "machine": machine(),
        "command": "make storm",
        "seconds": round(time.perf_counter() - began),
        "tests": len(figures),
        "outcomes": {name: outcomes.count(name) for name in ("passed", *WORST)},
        "failed": [one for one in figures if one["outcome"] != "passed"],
        "counted": [one for one in figures if "counted" in one],
    }
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
