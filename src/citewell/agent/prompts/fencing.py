"""Fences around text that others have written: nothing inside can close one.

Every request has a key that stands in its tags. It is a digest of all that is fenced, and none of
that contains it, so no text can hold a tag with the right key, whoever wrote it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

KEY_CHARACTERS = 16
# What no reader sees, the model is not shown either: controls, directions, tags and fillers.
# Joiners stay, words of some scripts need them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b"
    "\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


@dataclass(frozen=True, slots=True)
class Fence:
    """The tags of one request."""

    key: str

    def around(self, tag: str, text: str, attributes: Mapping[str, str | int] | None = None) -> str:
        """The text between tags with the key; `tag` and `attributes` are ours, never anybody's."""
        named = "".join(f" {name}={value}" for name, value in (attributes or {}).items())
        return f"<{tag}{named} key={self.key}>\n{seen(text)}\n</{tag} key={self.key}>"


def fence_for(texts: Iterable[str]) -> Fence:
    """A fence whose key stands in none of the texts."""
    shown = "\0".join(seen(text) for text in texts)
    digest = sha256(shown.encode())
    while (key := digest.hexdigest()[:KEY_CHARACTERS]) in shown:
        digest.update(b"\0")
    return Fence(key)


def seen(text: str) -> str:
    """What a reader sees of a text."""
    return _UNSEEN.sub("", text)
