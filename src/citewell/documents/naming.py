"""Names that came from outside, made safe to store and to show."""

import re
import unicodedata

MAX_NAME = 255
MAX_TITLE = 500
_SEPARATORS = re.compile(r"[\\/]+")


def clean_filename(name: str) -> str:
    """A relative path without `.`, `..`, drive, control or unpaired characters; never empty.

    The name is only shown and searched: where the bytes lie is never derived from it.
    """
    parts = [_printable(part).strip() for part in _SEPARATORS.split(name)]
    kept = [part for part in parts if part not in {"", ".", ".."}]
    if kept and re.fullmatch(r"[A-Za-z]:", kept[0]):
        kept = kept[1:]
    return "/".join(kept)[-MAX_NAME:] or "untitled"


def clean_title(title: str) -> str:
    """One line, printable, at most `MAX_TITLE` characters; may be empty."""
    return " ".join(_printable(title).split())[:MAX_TITLE]


def clean_text(text: str) -> str:
    """Text that the database can hold: no NUL, no unpaired surrogate."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")


def _printable(text: str) -> str:
    normal = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    return "".join(c if unicodedata.category(c) not in {"Cc", "Cs"} else " " for c in normal)
