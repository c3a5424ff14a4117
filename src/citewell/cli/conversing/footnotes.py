"""Answers for people: what stands under them."""

from typing import Any

from citewell.cli.output import cell, plain

PREVIEW_CHARACTERS = 120
# Where an answer without footnotes comes from.
_ORIGINS = {
    "computed": "Computed, not quoted from the documents.",
    "from_memory": "Repeated from what was said and kept before, not from the documents.",
}


def place(passage: dict[str, Any]) -> str:
    """Where a passage stands."""
    page = passage.get("page")
    where = f", page {page}" if page else ""
    return plain(f"{passage['title'] or passage['filename']} ({passage['filename']}{where})")


def print_footnotes(answer: dict[str, Any]) -> None:
    """Where each sentence comes from, and what does not hold; without an answer, what is near."""
    if answer["answered"] and (origin := _ORIGINS.get(answer["reason"])):
        print(f"\n{origin}")
    shown: set[tuple[Any, ...]] = set()
    if answer["citations"]:
        print()
    for citation in answer["citations"]:
        span = f"characters {citation['start']}–{citation['end']}"
        mark = "verified" if citation["verified"] else "NOT VERIFIED"
        line = (citation["n"], citation["start"], citation["end"])
        if line not in shown:
            shown.add(line)
            print(f"[{citation['n']}] {place(citation)}, {span}, {mark}")
    for doubt in answer["doubts"]:
        said = slice(*doubt["answer"])
        print(f"NOT SUPPORTED ({doubt['reason']}): {cell(answer['response'][said])}")
    if not answer["answered"] and answer["related"]:
        print("\nRelated, not an answer:")
        for source in answer["related"]:
            print(f"  {place(source)}: {_preview(source['preview'])}")


def _preview(text: str) -> str:
    line = cell(text)
    return line if len(line) <= PREVIEW_CHARACTERS else line[: PREVIEW_CHARACTERS - 1] + "…"
