"""What may run when: a pure function of a tool's labels and of what a run has read.

Text that others wrote can hold instructions that a model obeys; no rule can tell them from facts.
So nothing that a model decides has an effect on the world without a person who has seen the very
arguments, and nothing that was approved can be used for other arguments or in another run.
"""

import hashlib
import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from citewell.agent.tools.contract import Label

# A person decides about these, whoever wrote what the run has read.
WITH_EFFECT = frozenset({Label.WRITE, Label.CROSS_SCOPE})
# Arguments carry away what the run has read: harmless only before it has read anything.
CARRIES_AWAY = frozenset({Label.EGRESS})


class Verdict(StrEnum):
    """What becomes of a call."""

    RUN = "run"
    ASK = "ask"
    """A person has to approve of it first."""
    OFF = "off"
    """Nobody can be asked."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a run has come to: `untrusted` once any text of others has entered it.

    `approved` are digests of calls that a person has approved of; `can_ask` says that there is
    somebody who could be asked.
    """

    untrusted: bool
    approved: frozenset[str] = frozenset()
    can_ask: bool = False


def verdict(labels: Set[Label], digest: str, circumstances: Circumstances) -> Verdict:
    """Whether a call with these labels and this digest may run."""
    needs_person = bool(labels & WITH_EFFECT)
    needs_person |= circumstances.untrusted and bool(labels & CARRIES_AWAY)
    if not needs_person or digest in circumstances.approved:
        return Verdict.RUN
    return Verdict.ASK if circumstances.can_ask else Verdict.OFF


def digest(tool: str, arguments: Mapping[str, Any], run: str) -> str:
    """What an approval is bound to: the SHA-256 of the tool, its exact arguments and the run."""
    said = json.dumps([tool, arguments, run], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(said.encode("utf-8", errors="surrogatepass")).hexdigest()
