"""The prompt of a second look: sentences with the excerpts that they cite, and what comes back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from citewell.agent.prompts.answering import Prompt
from citewell.agent.prompts.fencing import fence_for
from citewell.agent.prompts.files import prompt

_VERDICT = re.compile(r"^[ \t*`(\[-]{0,10}(\d{1,3})[ \t*`).:\]=-]{1,10}(yes|no)\b", re.I | re.M)


@dataclass(frozen=True, slots=True)
class Item:
    """A sentence, and what it cites, word for word."""

    sentence: str
    excerpts: tuple[str, ...]


def judging(items: Sequence[Item]) -> Prompt:
    """Ask for a verdict on each item, by its number from 1."""
    fence = fence_for(text for item in items for text in (item.sentence, *item.excerpts))
    shown = [
        f"{fence.around('sentence', item.sentence, {'number': n})}\n"
        f"{fence.around('excerpts', chr(10).join(item.excerpts), {'number': n})}"
        for n, item in enumerate(items, start=1)
    ]
    files = prompt("judge"), prompt("judge_request")
    request = files[1].fill({"items": "\n\n".join(shown), "count": str(len(items))})
    version = sha256("\0".join(file.text for file in files).encode()).hexdigest()
    return Prompt(files[0].text.strip(), request, version)


def denied(text: str, count: int) -> frozenset[int]:
    """The numbers, from 1 to `count`, that the reply denies; what it says twice counts last."""
    said = {int(number): word.lower() for number, word in _VERDICT.findall(text)}
    return frozenset(n for n, word in said.items() if word == "no" and 1 <= n <= count)
