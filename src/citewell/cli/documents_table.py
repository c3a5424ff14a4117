"""Documents as lines of a table."""

from typing import Any

UNFINISHED = frozenset({"received", "parsing", "embedding"})
COLUMNS = ("id", "filename", "status", "chunks", "language", "reason")


def row_of(document: dict[str, Any]) -> dict[str, Any]:
    """A document as a line of a table."""
    failure = document["failure"]
    return {
        **document,
        "chunks": f"{document['chunks_done']}/{document['chunks_total']}",
        "reason": failure["reason"] if failure else "; ".join(document["warnings"]),
    }
