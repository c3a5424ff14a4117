"""Times every pattern over its worst texts; a line of JSON for each pattern and method.

A process of its own, for a pattern without bounds cannot be stopped from beside it.
"""

import contextlib
import json
import re
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import FrameType
from typing import Any

from tests.security.patterns.attacks import attacks
from tests.security.patterns.inventory import Asked, inventory

SMALL, WORST, TRIES = 2_000, 8, 5
PATIENCE_SECONDS = 0.25
LIMIT_SECONDS = 0.1
# A pattern that looks at each character once, and how long a machine takes for it
# on which the limit holds as it stands: on a slower one everything takes longer.
YARDSTICK, YARD, YARD_SECONDS = re.compile(r"a\d"), "a" * 4_000_000, 0.03


class TooLongError(Exception):
    """The pattern was stopped."""


def main(chars: int, capped: Mapping[str, int], others: Sequence[str]) -> None:
    """Measures `others` instead of the inventory where there are any."""
    signal.signal(signal.SIGVTALRM, _stop)
    given = [Asked(one, re.compile(one), frozenset({"fullmatch"})) for one in others]
    for asked in given or inventory():
        length = capped.get(asked.where, chars)
        for method in sorted(asked.methods):
            seconds, attack = slowest(asked.pattern, method, length)
            text = [part[:40] for part in attack]
            print(json.dumps([asked.where, method, length, seconds, text]), flush=True)


def slowest(
    pattern: re.Pattern[Any], method: str, chars: int
) -> tuple[float, tuple[str, str, str]]:
    """The longest time over the texts that were slowest when they were small, and its text.

    The first that takes too long is enough.
    """
    small = []
    for one in attacks(pattern):
        small.append((_best(pattern, method, grown(one, min(SMALL, chars))), one))
        if small[-1][0] > LIMIT_SECONDS:
            return small[-1]
    found = (0.0, ("", "", ""))
    for _, one in sorted(small, reverse=True)[:WORST]:
        found = max(found, (_best(pattern, method, grown(one, chars)), one))
        if found[0] > LIMIT_SECONDS:
            break
    return found


def grown(attack: tuple[str, str, str], chars: int) -> str:
    head, pump, tail = attack
    return head + pump * max(1, (chars - len(head) - len(tail)) // len(pump)) + tail


def _best(pattern: re.Pattern[Any], method: str, text: str) -> float:
    """Of several tries the fastest, for another process may have slowed one down.

    What takes long is told in seconds of a machine that takes `YARD_SECONDS` for the yardstick.
    """
    seconds = cpu(pattern, method, text)
    if seconds <= LIMIT_SECONDS / 2:
        return seconds
    seconds /= _slower(int(time.monotonic()))
    for _ in range(TRIES - 1):
        if seconds <= LIMIT_SECONDS / 2:
            break
        seconds = min(seconds, cpu(pattern, method, text) / _slower(int(time.monotonic())))
    return seconds


@lru_cache(maxsize=1)
def _slower(_second: int) -> float:
    """How many times slower this machine is now; looked at once in a second."""
    began = time.process_time()
    YARDSTICK.search(YARD)
    return max(1.0, (time.process_time() - began) / YARD_SECONDS)


def cpu(pattern: re.Pattern[Any], method: str, text: str) -> float:
    """Seconds of CPU that one call takes, on this machine; it is stopped behind its patience."""
    given: Any = text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text
    empty: Any = given[:0]
    began = time.process_time()
    with contextlib.suppress(TooLongError), _limited():
        match method:
            case "sub" | "subn":
                getattr(pattern, method)(empty, given)
            case "finditer":
                for _ in pattern.finditer(given):
                    pass
            case _:
                getattr(pattern, method)(given)
    return time.process_time() - began


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    patience = PATIENCE_SECONDS * _slower(int(time.monotonic()))
    signal.setitimer(signal.ITIMER_VIRTUAL, patience)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise TooLongError


if __name__ == "__main__":
    main(*json.loads(sys.argv[1]))
