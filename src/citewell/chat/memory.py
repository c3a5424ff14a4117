"""What of a conversation its next question is asked with: the promise that every memory keeps."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from citewell.chat.summary import folded
from citewell.domain.conversations import Exchange
from citewell.domain.errors import StartError

MOST_TURNS = 6
# Of all turns together; older ones are left out for it.
MOST_CHARACTERS = 6_000
MOST_OF_AN_ANSWER = 1_500
# Whatever a memory makes of a conversation, no more of it is stored.
MOST_STORED = 8_000


class Memory(Protocol):
    """Chooses among the last turns, and sums up those before them.

    Both methods are called while a transaction is open: they wait for nothing, and the same
    arguments give the same result. What they are given is somebody's words: data, never an
    instruction.
    """

    def chosen(self, turns: Sequence[Exchange]) -> tuple[Exchange, ...]:
        """What is kept word by word of the last `MOST_TURNS` turns, the oldest first."""
        ...

    def summed(self, summary: str, turns: Sequence[Exchange]) -> str:
        """The summary so far with these turns in it, which are not among the last ones any more.

        A line for what is worth knowing; empty for nothing. At most `MOST_STORED` characters are
        stored.
        """
        ...


@dataclass(frozen=True, slots=True)
class LastTurns:
    """The last turns that fit, and nothing of those before."""

    def chosen(self, turns: Sequence[Exchange]) -> tuple[Exchange, ...]:
        """Answers are cut to a length; then the newest come first, until there is no room."""
        return fitting(turns)

    def summed(self, summary: str, turns: Sequence[Exchange]) -> str:
        """Nothing; what an earlier memory has stored goes."""
        del summary, turns
        return ""


@dataclass(frozen=True, slots=True)
class Summary:
    """The last turns that fit, and a line for each of those before."""

    def chosen(self, turns: Sequence[Exchange]) -> tuple[Exchange, ...]:
        """As `LastTurns`."""
        return fitting(turns)

    def summed(self, summary: str, turns: Sequence[Exchange]) -> str:
        """Each turn's question with the first sentence of its answer."""
        return folded(summary, turns)


SHIPPED: dict[str, type[Memory]] = {"turns": LastTurns, "summary": Summary}


def memory_named(name: str) -> Memory:
    """One of `SHIPPED`, or the class `module:name` of the operator's own, made without arguments.

    Raises `StartError` for what cannot be imported or does not keep the promise.
    """
    kind = SHIPPED.get(name) or _imported(name)
    made = kind()
    missing = [one for one in ("chosen", "summed") if not callable(getattr(made, one, None))]
    if missing:
        raise StartError(
            f"CITEWELL_MEMORY={name!r} has no method {missing[0]!r}.",
            hint="docs/guides/write-a-memory.md says what a memory promises.",
        )
    return made


def fitting(turns: Sequence[Exchange]) -> tuple[Exchange, ...]:
    """The newest turns that fit into `MOST_CHARACTERS`, the oldest of them first."""
    left, kept = MOST_CHARACTERS, list[Exchange]()
    for turn in reversed([_cut(one) for one in turns]):
        left -= len(turn.question) + len(turn.answer)
        if left < 0:
            break
        kept.append(turn)
    return tuple(reversed(kept))


def _cut(turn: Exchange) -> Exchange:
    if len(turn.answer) <= MOST_OF_AN_ANSWER:
        return turn
    return Exchange(turn.question, turn.answer[: MOST_OF_AN_ANSWER - 1] + "…", turn.answered)


def _imported(name: str) -> type[Memory]:
    module, _, kind = name.partition(":")
    try:
        return cast("type[Memory]", getattr(importlib.import_module(module), kind))
    except (ImportError, AttributeError, ValueError) as error:
        raise StartError(
            f"CITEWELL_MEMORY={name!r} is not known.",
            hint=f"Use {', '.join(SHIPPED)}, or `module:Class` of your own that can be imported.",
        ) from error
