"""Which schema this release needs, known without the tool that makes it."""

from pathlib import Path

VERSIONS = Path(__file__).parent / "migrations" / "versions"


def newest() -> str:
    """The last revision: its number is how the migration's file name begins."""
    return max(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*_*.py"))
