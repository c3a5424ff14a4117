"""Build what is published, and install it once as a user would.

usage: python scripts/release.py [--to DIST] [--no-install]

DIST gets the wheel, the sdist, an SBOM (CycloneDX) of everything that is installed with them, the
lock file, and SHA256SUMS. The wheel is then installed by its hash, after everything in the lock
file by theirs, into an empty environment, where `citewell version` answers without a network.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "run.txt"
SUMS = "SHA256SUMS"


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """What a command printed; its failure ends the release with its words."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=1800, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def build(folder: Path) -> Path:
    """Wheel and sdist; returns the wheel."""
    run(sys.executable, "-m", "hatchling", "build", "--directory", folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def describe(folder: Path) -> None:
    """The SBOM of the lock file, and the lock file itself."""
    shutil.copyfile(LOCK, folder / "requirements.txt")
    run(
        sys.executable, "-m", "cyclonedx_py", "requirements", LOCK,
        "--pyproject", ROOT / "pyproject.toml", "--output-reproducible", "--mc-type", "application",
        "--output-file", folder / "sbom.cdx.json",
    )  # fmt: skip


def checksums(folder: Path) -> None:
    """SHA256SUMS of every other file, as `sha256sum --check` reads it."""
    files = sorted(path for path in folder.iterdir() if path.name != SUMS)
    lines = [f"{digest(path)}  {path.name}\n" for path in files]
    (folder / SUMS).write_text("".join(lines), "ascii")


def digest(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def install(wheel: Path, folder: Path) -> str:
    """What the installed command says of its version, with the network cut off."""
    run(sys.executable, "-m", "venv", folder / "venv")
    pip: list[str | Path] = [folder / "venv" / "bin" / "python", "-m", "pip", "--quiet", "install"]
    run(*pip, "--require-hashes", "--requirement", LOCK)
    by_hash = folder / "wheel.txt"
    by_hash.write_text(f"citewell @ {wheel.resolve().as_uri()} --hash=sha256:{digest(wheel)}\n")
    run(*pip, "--require-hashes", "--no-deps", "--no-index", "--requirement", by_hash)
    cut_off = ["unshare", "--net", "--map-root-user"]
    return run(*cut_off, folder / "venv" / "bin" / "citewell", "version", cwd=folder).strip()


def main() -> None:
    """Build, describe, sum up, install."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "dist")
    parser.add_argument("--no-install", action="store_true", help="do not try the wheel")
    given = parser.parse_args()
    shutil.rmtree(given.to, ignore_errors=True)
    given.to.mkdir(parents=True)
    wheel = build(given.to.resolve())
    describe(given.to)
    checksums(given.to)
    print((given.to / SUMS).read_text("ascii"), end="")
    if not given.no_install:
        with tempfile.TemporaryDirectory() as folder:
            print("Installed without a network:", install(wheel, Path(folder)))


if __name__ == "__main__":
    main()
