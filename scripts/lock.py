"""Write requirements/*.txt: exact versions with hashes, without any address.

usage: python scripts/lock.py (uv must be installed, as it is by `make lock`)
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "requirements"
HEADER = "# Made by `make lock`; do not edit.\n"
SOURCES = {
    "build.txt": ["--group", "build"],
    "run.txt": ["pyproject.toml"],
    "dev.txt": ["pyproject.toml", "--group", "dev"],
    "local.txt": [
        "pyproject.toml", "--extra", "local", "--group", "local-tests",
        "--constraints", "requirements/dev.txt",
    ],
}  # fmt: skip
ENTRY = re.compile(r"^(\S+?)==.*\n(?:    --hash=.*\n)*", re.MULTILINE)
# `local` is installed on top of `dev`. Torch is not in it: the machine has its build for the CPU,
# which does without the others.
BUILDS = re.compile(r"torch|triton|cuda-.*|nvidia-.*")


def compiled(source: list[str]) -> str:
    """uv's answer, without the lines that say where it came from."""
    command = [
        sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal",
        "--generate-hashes", "--no-header", "--no-emit-index-url", "--no-annotate",
        "--python-version", "3.11", *source,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def added(text: str, below: str) -> str:
    """The entries that `below` has not, without builds of torch."""
    known = {entry[1] for entry in ENTRY.finditer(below)}
    entries = [e for e in ENTRY.finditer(text) if e[1] not in known and not BUILDS.fullmatch(e[1])]
    return "".join(entry[0] for entry in entries)


def main() -> None:
    """Lock every list."""
    FOLDER.mkdir(exist_ok=True)
    for name, source in SOURCES.items():
        text = compiled(source)
        if name == "local.txt":
            text = added(text, (FOLDER / "dev.txt").read_text("utf-8"))
        if re.search(r"://", text):
            raise SystemExit(f"{name} would hold an address.")
        (FOLDER / name).write_text(HEADER + text, encoding="utf-8")
        print(name, text.count("=="), "packages")


if __name__ == "__main__":
    main()
