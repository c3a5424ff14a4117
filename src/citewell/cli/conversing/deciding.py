"""Whether a tool may do what it wants to do: asked of whoever sits at the terminal."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from citewell.cli.client import Client
from citewell.cli.output import say

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
    """The arguments as JSON in ASCII: nothing in them is unseen, or looks like something else."""
    return json.dumps(arguments, indent=2, sort_keys=True)


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
