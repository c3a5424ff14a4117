"""The figures of the checks as a table."""

from collections.abc import Mapping
from typing import Any


def table(figures: Mapping[str, Any]) -> str:
    """How many sentences of each kind are not let through, in percent."""
    kinds = list(dict.fromkeys(kind for one in figures.values() for kind in one["stopped"]))
    lines = [f"| sentence | {' | '.join(figures)} |", f"|---|{'---|' * len(figures)}"]
    for kind in kinds:
        shares = [one["stopped"].get(kind) for one in figures.values()]
        shown = ["" if share is None else f"{100 * share[0]:.1f}" for share in shares]
        lines.append(f"| {kind} | {' | '.join(shown)} |")
    return "\n".join(lines)
