"""What can be asked in SQL, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass

# Every view with its columns, as whoever writes a statement knows them.
VIEWS: Mapping[str, tuple[str, ...]] = {
    "documents": (
        "id", "title", "filename", "collection", "status", "tags", "media_type", "language",
        "bytes", "pages", "tokens", "failure_code", "failure_reason", "added_at", "changed_at",
    ),
    "collections": ("id", "name", "description", "visibility", "created_at", "documents"),
    "jobs": (
        "id", "kind", "state", "document", "collection", "attempts", "progress_done",
        "progress_total", "error_code", "error_reason", "created_at", "started_at", "finished_at",
    ),
    "usage": ("at", "step", "model", "tokens_in", "tokens_out", "cost", "milliseconds"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Records:
    """Rows of texts as PostgreSQL writes them, None for NULL; `cut` says that there were more."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    cut: bool
