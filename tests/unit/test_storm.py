"""What pytest told of a storm becomes a table, with every fault in it."""

from pathlib import Path

import pytest
from benchmarks.promises import promised_by, promises
from benchmarks.report import storm_section
from benchmarks.storm import ROOT, by_file, together, told
from benchmarks.storm import tests as run_by_storm

REPORT = """<testsuites><testsuite>
<testcase classname="tests.security.files.test_sandbox" name="test_each_ends" time="2.04">
<properties><property name="files" value="43210"/></properties></testcase>
<testcase classname="tests.security.files.test_sandbox" name="test_no_socket" time="0.1">
<failure message="no"/></testcase>
<testcase classname="tests.contract.test_index_model.TestExact" name="runTest" time="1.0"/>
<testcase time="3.0" />
</testsuite></testsuites>"""


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "storm.xml"
    path.write_text(REPORT, "utf-8")
    return path


def test_the_table_has_a_line_for_each_file_with_its_promises_counts_and_faults(
    report: Path,
) -> None:
    cases = told(report)
    files = by_file(cases)
    assert [one["file"] for one in files] == [
        "tests/contract/test_index_model.py",
        "tests/security/files/test_sandbox.py",
    ]
    shown = storm_section(together({}, cases))
    assert "3 tests, 1 faults, 0 minutes." in shown
    row = "| S7, S7b | `tests/security/files/test_sandbox.py` | 43,210 files | 2 | 1 | 2.1 |"
    assert row in shown.splitlines()
    assert "- failure: `tests/security/files/test_sandbox.py`, no socket" in shown
    (missing,) = [line for line in shown.splitlines() if line.startswith("- not run in this size:")]
    assert "`tests/security/test_http_fuzz.py`" in missing
    assert "test_sandbox.py" not in missing


def test_a_part_of_a_storm_replaces_what_was_told_of_its_files_and_of_no_others(
    report: Path,
) -> None:
    before = together({}, told(report))
    mended = [{**case, "outcome": "passed"} for case in told(report) if "sandbox" in case["file"]]
    after = together(before, mended)
    assert [one["faults"] for one in after["files"]] == [0, 0]
    assert after["faults"] == []
    assert after["files"][0] == before["files"][0]


def test_a_storm_runs_what_every_promise_names_and_all_of_it_is_there() -> None:
    known = promises()
    assert len(known) > 15
    assert [name for name, paths in known.items() if not paths] == []
    assert [path for path in run_by_storm() if not (ROOT / path).exists()] == []
    named = {path for paths in known.values() for path in paths}
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert promised_by("tests/security/egress/test_addresses.py", known) == ["S6"]
