"""Hold what is locked, what is installed and what we wrote against known weaknesses.

usage: python -m scripts.audit [--only dependencies|source|startup]

Exit status 1: a finding that no waiver in requirements/waivers.toml covers, or a check that could
not be made. Nothing passes because nobody could be asked.
"""

import argparse
import datetime
import json
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.unsafe_loads import unsafe

ROOT = Path(__file__).parents[1]
LOCKS = ("build.txt", "run.txt", "dev.txt", "local.txt")
GRAVE = {"MEDIUM", "HIGH"}
UNSAFE = "unsafe-load"
LONGEST = {"vulnerability": 14, "source": 366, "startup": 366}

Waivers = Mapping[str, Sequence[Mapping[str, Any]]]


def waivers_of(path: Path, today: datetime.date) -> Waivers:
    """The waivers that hold today; raises `ValueError` for one without an end or a reason."""
    kinds: dict[str, list[dict[str, Any]]] = tomllib.loads(path.read_text("utf-8"))
    for kind, waivers in kinds.items():
        for one in waivers:
            days = (one["until"] - one["decided"]).days
            if not one["reason"] or not 0 < days <= LONGEST[kind]:
                raise ValueError(f"A waiver of {kind} lasts at most {LONGEST[kind]} days: {one}")
    return {
        kind: [one for one in waivers if today <= one["until"]] for kind, waivers in kinds.items()
    }


def dependencies(waivers: Waivers) -> Iterator[str]:
    """Known vulnerabilities of what is locked, and what nobody could say anything about."""
    for name in LOCKS:
        yield from judged(name, asked(ROOT / "requirements" / name), waivers)


def asked(lock: Path) -> str:
    """What pip-audit says of a lock file, as JSON."""
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes",
        "--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "30",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    return done.stdout or json.dumps({"dependencies": [], "failed": done.stderr[-500:]})


def judged(lock: str, said: str, waivers: Waivers) -> Iterator[str]:
    """The findings in pip-audit's answer about one lock file."""
    answer: dict[str, Any] = json.loads(said)
    known = {one["id"] for one in waivers.get("vulnerability", ())}
    listed: list[dict[str, Any]] = answer["dependencies"]
    if "failed" in answer or not listed:
        yield f"{lock}: pip-audit gave no answer: {answer.get('failed', 'no package was listed')}"
    unknown = [one["name"] for one in listed if "skip_reason" in one]
    if unknown:
        yield (
            f"{lock}: the vulnerability service knows nothing of {len(unknown)} of {len(listed)}"
            f" packages ({', '.join(unknown[:3])} …); ask from a machine that reaches it"
        )
    for one in listed:
        for weakness in one.get("vulns", ()):
            if not known & {weakness["id"], *weakness.get("aliases", ())}:
                fixed = ", ".join(weakness["fix_versions"]) or "no release"
                yield f"{lock}: {one['name']} {one['version']}: {weakness['id']}, mended in {fixed}"


def source(waivers: Waivers) -> Iterator[str]:
    """What bandit finds in our code, of medium or high severity, and what could run data.

    A comment waives nothing.
    """
    command = [
        sys.executable, "-m", "bandit", "--quiet", "--recursive", "--ignore-nosec",
        "--format", "json", "src",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    report: dict[str, Any] = json.loads(done.stdout)
    yield from (f"bandit could not read {one}" for one in report["errors"])
    known = {(one["test"], one["file"]) for one in waivers.get("source", ())}
    for one in report["results"]:
        if one["issue_severity"] in GRAVE and (one["test_id"], one["filename"]) not in known:
            place = f"{one['filename']}:{one['line_number']}"
            yield f"{place}: {one['test_id']} {one['issue_severity']}: {one['issue_text']}"
    for path in sorted((ROOT / "src").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for line, what in unsafe(path.read_text("utf-8")):
            if (UNSAFE, name) not in known:
                yield f"{name}:{line}: {UNSAFE} HIGH: {what} may make objects or code of data."


def startup(waivers: Waivers) -> Iterator[str]:
    """Files that Python would run at every start, and nobody has said to be expected."""
    yield from unexpected(Path(sysconfig.get_path("purelib")), waivers)


def unexpected(folder: Path, waivers: Waivers) -> Iterator[str]:
    """Start-up files in a folder of packages that no waiver names."""
    known = {one["file"] for one in waivers.get("startup", ())}
    for path in sorted([*folder.glob("*.pth"), *folder.glob("*customize.py")]):
        if path.name not in known:
            yield f"{path.name} runs at every start of Python and is not expected"


CHECKS: Mapping[str, Callable[[Waivers], Iterator[str]]] = {
    "dependencies": dependencies,
    "source": source,
    "startup": startup,
}


def main() -> None:
    """Run the checks, print what they found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=CHECKS)
    only = parser.parse_args().only
    today = datetime.datetime.now(datetime.UTC).date()
    waivers = waivers_of(ROOT / "requirements" / "waivers.toml", today)
    found = 0
    for name in [only] if only else CHECKS:
        for finding in CHECKS[name](waivers):
            print(f"{name}: {finding}")
            found += 1
    if found:
        raise SystemExit(
            f"{found} findings. Mend them, or waive them in requirements/waivers.toml."
        )
    print("Nothing was found.")


if __name__ == "__main__":
    main()
