"""Write docs/reference from the code, or with --check say which pages are not current.

usage: python scripts/write_reference.py [--check]
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import reference_cli
import reference_http
import reference_metrics
import reference_settings

FOLDER = Path(__file__).parents[1] / "docs" / "reference"


def contract() -> str:
    """The OpenAPI document, in an order that diffs well."""
    return json.dumps(reference_http.document(), indent=1, ensure_ascii=False) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": reference_settings.page,
    "cli.md": reference_cli.page,
    "http.md": reference_http.page,
    "metrics.md": reference_metrics.page,
    "openapi.json": contract,
}


def stale() -> dict[str, str]:
    """The pages that differ from the code, with what they should hold."""
    made = {name: page() for name, page in PAGES.items()}
    return {
        name: text
        for name, text in made.items()
        if not (FOLDER / name).is_file() or (FOLDER / name).read_text("utf-8") != text
    }


def main() -> None:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when stale")
    check = parser.parse_args().check
    found = stale()
    if check and found:
        raise SystemExit(f"Not current: {', '.join(found)}. Run `make docs`.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in found.items():
        (FOLDER / name).write_text(text, "utf-8")
        print(f"wrote docs/reference/{name}")


if __name__ == "__main__":
    main()
