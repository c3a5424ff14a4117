"""Whether a tool may do what it wants to do: asked of whoever sits at the terminal."""

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

from citewell.cli.client import Client
from citewell.cli.output import say

# Printable by their category, and yet nothing to see: joiners, fillers and variants.
_FILLERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
YES = frozenset({"y", "yes"})
NOBODY = "Refused: there is no terminal at which somebody could say yes. Ask in `citewell chat`."


def decided(client: Client, run: str, interrupt: Mapping[str, Any]) -> str:
    """Show the call, take the word, and send it; the run that goes on.

    Without a terminal the word is no.
    """
    approved = _approved(interrupt)
    said = {"interruptId": interrupt["id"], "status": "resolved", "payload": {"approved": approved}}
    return str(client.post(f"/api/v1/runs/{run}/resume", {"resume": [said]})["id"])


def exact(arguments: Mapping[str, Any]) -> str:
    """The arguments as JSON, with an escape in place of every character that is not seen."""
    said = json.dumps(arguments, indent=2, sort_keys=True, ensure_ascii=False)
    return "".join(c if _is_seen(c) else f"\\u{{{ord(c):x}}}" for c in said)


def _is_seen(character: str) -> bool:
    return character == "\n" or (character.isprintable() and not _FILLERS.match(character))


def _approved(interrupt: Mapping[str, Any]) -> bool:
    say(f"\n{interrupt['message']}\n{interrupt['tool']} {exact(interrupt['arguments'])}")
    if not sys.stdin.isatty():
        say(NOBODY)
        return False
    print("Allow this? [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        return input().strip().lower() in YES
    except EOFError:
        return False
