"""Names that came from outside, made safe to store and to show."""

import re
import unicodedata

MAX_NAME = 255
MAX_TITLE = 500
_NOT_IN_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})
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
    """One line of at most `MAX_TITLE` characters; a title that is one already stays as it is."""
    text = title.encode("utf-8", "replace").decode("utf-8")
    return "".join(" " if unicodedata.category(c) in _NOT_IN_A_LINE else c for c in text)[
        :MAX_TITLE
    ]


def clean_name(name: str) -> str:
    """What a name is compared by: one line, composed characters, single spaces, none around it."""
    return " ".join(_printable(name).split())[:MAX_TITLE]


def clean_text(text: str) -> str:
    """Text that the database can hold: no NUL, no unpaired surrogate."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")


def _printable(text: str) -> str:
    normal = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    return "".join(c if unicodedata.category(c) not in {"Cc", "Cs"} else " " for c in normal)
