"""What we install is locked and looked at, and importing it reaches nobody."""

import datetime
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from scripts import audit, release
from scripts.unsafe_loads import unsafe

ROOT = Path(__file__).parents[2]
WAIVERS = ROOT / "requirements" / "waivers.toml"
TODAY = datetime.date(2026, 11, 24)
LOCKS = ("build.txt", "run.txt", "dev.txt", "local.txt")
# Imports everything and opens nothing: whoever tries ends the process with the reason.
GUARDED = """
import pkgutil, importlib, sys

def guard(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"}:
        print(event, arguments, file=sys.stderr)
        import os
        os._exit(9)

sys.addaudithook(guard)
import citewell
names = [one.name for one in pkgutil.walk_packages(citewell.__path__, "citewell.")]
for name in names:
    if ".migrations." not in name and "__main__" not in name:
        importlib.import_module(name)
print(len(names))
"""


def locked(name: str) -> dict[str, int]:
    """Each package of a lock file as `name==version`, with the number of its hashes."""
    text = (ROOT / "requirements" / name).read_text("utf-8")
    entries = re.findall(r"^(\S+==[^\s;]+)[^\n]*((?:\n    --hash=\S+.*)*)", text, re.MULTILINE)
    return {entry: hashes.count("--hash=sha256:") for entry, hashes in entries}


@pytest.mark.parametrize("name", LOCKS)
def test_everything_that_is_installed_is_locked_by_its_hash(name: str) -> None:
    found = locked(name)
    assert found
    assert [entry for entry, hashes in found.items() if hashes == 0] == []


def test_the_least_versions_that_known_weaknesses_ask_for_are_locked() -> None:
    versions = dict(entry.split("==") for entry in locked("run.txt"))
    least = {
        "starlette": (1, 3, 1), "python-multipart": (0, 0, 26), "pyjwt": (2, 13),
        "langgraph-checkpoint": (3,),
    }  # fmt: skip
    for name, floor in least.items():
        assert tuple(int(part) for part in versions[name].split(".")) >= floor, name
    assert not {"python-jose", "pypdf2", "dill", "joblib"} & set(versions)


def test_importing_all_of_it_reaches_no_network() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GUARDED], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 150


def test_our_source_has_no_grave_finding_without_a_waiver() -> None:
    assert list(audit.source(audit.waivers_of(WAIVERS, TODAY))) == []


# One way of making objects or code of data on each line.
UNSAFE = """\
import pickle
from pickle import loads as read
import dill, marshal
import joblib, yaml
from torch import load
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint import memory
from langchain_core import load
eval(data)
exec(data)
compile(data, "", "exec")
run = eval
__import__(data)
np.load(data, allow_pickle=True)
np.load(data, allow_pickle=wanted)
from_pretrained(data, trust_remote_code=True)
from_pretrained(data, use_safetensors=False)
"""
SAFE = """\
import json, re
from langgraph.graph import StateGraph
re.compile(data)
graph.compile()
np.load(data, allow_pickle=False)
"""


def test_every_way_of_making_objects_of_data_is_a_finding() -> None:
    found = [line for line, _ in unsafe(UNSAFE)]
    assert sorted(set(found)) == list(range(1, UNSAFE.count("\n") + 1))
    assert list(unsafe(SAFE)) == []


def test_a_waiver_that_nobody_needs_is_not_kept() -> None:
    waived = {one["file"] for one in tomllib.loads(WAIVERS.read_text("utf-8"))["source"]}
    flagged = {finding.partition(":")[0] for finding in audit.source({})}
    assert flagged == waived


def test_only_expected_files_run_when_python_starts() -> None:
    assert list(audit.startup(audit.waivers_of(WAIVERS, TODAY))) == []


def test_a_file_that_would_run_at_every_start_is_found(tmp_path: Path) -> None:
    for name in ("litellm_init.pth", "usercustomize.py", "sitecustomize.py", "module.py"):
        (tmp_path / name).write_text("import os")
    found = list(audit.unexpected(tmp_path, audit.waivers_of(WAIVERS, TODAY)))
    assert [one.split()[0] for one in found] == [
        "litellm_init.pth", "sitecustomize.py", "usercustomize.py",
    ]  # fmt: skip


def test_a_known_weakness_is_told_with_the_release_that_mends_it() -> None:
    weak = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.0"]}
    listed = [{"name": "weak", "version": "1.0", "vulns": [weak]}]
    assert list(audit.judged("run.txt", told(listed), {})) == [
        "run.txt: weak 1.0: PYSEC-1, mended in 2.0"
    ]
    for known in ("PYSEC-1", "CVE-1"):
        assert list(audit.judged("run.txt", told(listed), {"vulnerability": [{"id": known}]})) == []


def test_a_service_that_knows_nothing_or_does_not_answer_is_a_finding() -> None:
    skipped = told([{"name": "a", "skip_reason": "not found"}])
    (finding,) = audit.judged("run.txt", skipped, {})
    assert "knows nothing of 1 of 1" in finding
    for silent in (told([]), '{"dependencies": [], "failed": "no route"}'):
        (finding,) = audit.judged("run.txt", silent, {})
        assert "no answer" in finding


def test_a_waiver_ends_and_never_lasts_long(tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    entry = '[[vulnerability]]\nid = "V"\ndecided = 2026-11-24\nuntil = {}\nreason = "r"\n'
    path.write_text(entry.format("2026-12-08"))
    assert len(audit.waivers_of(path, TODAY)["vulnerability"]) == 1
    assert not audit.waivers_of(path, datetime.date(2026, 12, 9))["vulnerability"]
    path.write_text(entry.format("2026-12-09"))
    with pytest.raises(ValueError, match="at most 14 days"):
        audit.waivers_of(path, TODAY)


def test_the_bill_of_materials_lists_every_locked_package_and_its_sums_are_right(
    tmp_path: Path,
) -> None:
    release.describe(tmp_path)
    release.checksums(tmp_path)
    bill: dict[str, Any] = json.loads((tmp_path / "sbom.cdx.json").read_text("utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    listed = {f"{one['name']}=={one['version']}" for one in bill["components"]}
    assert listed == set(locked("run.txt"))
    checked = ["sha256sum", "--check", "--strict", release.SUMS]
    subprocess.run(checked, cwd=tmp_path, check=True, timeout=60, capture_output=True)


def told(listed: list[dict[str, Any]]) -> str:
    return json.dumps({"dependencies": listed, "fixes": []})


def test_every_promise_names_tests_that_are_there() -> None:
    page = (ROOT / "SECURITY.md").read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)`", page)
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).is_file()] == []
