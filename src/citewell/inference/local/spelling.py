"""From tokens to text while they come: whole characters, as soon as there are any."""

from collections.abc import Callable
from typing import Any

# A character has at most four bytes, and a token at least one: then it is none that will be whole.
MOST_PENDING = 8
_BROKEN = "\ufffd"


class Speller:
    """What `generate` tells its tokens to; each new piece of text goes to `tell`.

    The text of a token may depend on the one before (a space, the rest of a character), so the new
    ones are always spelled together with the last that were told.
    """

    __slots__ = ("_before", "_decode", "_new", "_prompt_is_over", "_tell")

    def __init__(self, decode: Callable[[list[int]], str], tell: Callable[[str], object]) -> None:
        """`decode` is a tokenizer's, without special tokens."""
        self._decode, self._tell = decode, tell
        self._before: list[int] = []
        self._new: list[int] = []
        self._prompt_is_over = False

    def put(self, value: Any) -> None:
        """The prompt first, as (1, n) ids, then the ids of each step."""
        if not self._prompt_is_over:
            self._prompt_is_over = True
            return
        self._new += value.reshape(-1).tolist()
        self._spell(is_last=False)

    def end(self) -> None:
        """No more will come."""
        self._spell(is_last=True)

    def _spell(self, *, is_last: bool) -> None:
        known = self._decode(self._before)
        text = self._decode([*self._before, *self._new])[len(known) :]
        waits = text.endswith(_BROKEN) and len(self._new) < MOST_PENDING
        if not text or (waits and not is_last):
            return
        self._before, self._new = self._new, []
        self._tell(text)
