"""A language model that decides as a test says, over real HTTP, and writes when it is asked to."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract.chat_server import Body, Reply, say

# How the rules of each decision begin.
KINDS = {
    "You decide how a question": "plan",
    "You find the short answer": "hop",
    "You decide whether passages": "review",
    "You write one PostgreSQL": "records",
    "You say what has to be calculated": "analyst",
}
Decide = Callable[[Body], Any]


@dataclass(slots=True)
class Decider:
    """What it says to each kind of request: an object as JSON, a text or a reply as it is.

    `tokens` is what each call is said to have read and written.
    """

    says: Mapping[str, Any]
    tokens: tuple[int, int] = (0, 0)
    asked: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def __call__(self, body: Body) -> Reply:
        """The reply to one request."""
        kind = kind_of(body)
        self.asked[kind].append(str(body["messages"][-1]["content"]))
        said = self.says.get(kind, "It is said in the documents [1].")
        if callable(said):
            said = said(body)
        if isinstance(said, Reply):
            return said
        text = said if isinstance(said, str) else json.dumps(said)
        return say(text, tokens=self.tokens)


def kind_of(body: Body) -> str:
    """Which decision a request asks for; `answer` for anything else."""
    rules = str(body["messages"][0]["content"])
    return next((kind for begins, kind in KINDS.items() if rules.startswith(begins)), "answer")


def quoting(body: Body, pattern: str) -> dict[str, Any]:
    """A short answer: the first group of the pattern in the first passage that has it."""
    text = str(body["messages"][-1]["content"])
    for number, passage in enumerate(re.findall(r"<passage[^>]*>(.*?)</passage", text, re.S), 1):
        if found := re.search(pattern, passage):
            return {"answer": found[1], "passage": number, "quote": found[0]}
    return {"answer": "", "passage": 0, "quote": ""}
