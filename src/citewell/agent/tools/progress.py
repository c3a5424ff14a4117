"""How far a run has come with its tools: what its steps hand on, and what outlives a pause."""

from dataclasses import dataclass, field

from langchain_core.messages import BaseMessage, ToolCall

from citewell.agent.bounds.limits import Spent
from citewell.domain.passages import Passage


@dataclass(frozen=True, slots=True)
class Finding:
    """What a tool gave that no passage holds: it can be said, and not cited."""

    tool: str
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """What was said and found so far; `pending` are calls that have not been looked at yet.

    `untrusted` is set for good once texts of others have entered; `may_pause` says that a tool on
    offer can have an effect. `stopped` names the bound that ended it: `rounds`, `calls`, `tokens`,
    `seconds`, or `limit` for one of the whole run; empty for none. `spent` is what the whole run
    had used by then.
    """

    messages: tuple[BaseMessage, ...]
    untrusted: bool
    may_pause: bool = False
    pending: tuple[ToolCall, ...] = ()
    findings: tuple[Finding, ...] = ()
    passages: tuple[Passage, ...] = ()
    said: str = ""
    stopped: str = ""
    is_over: bool = False
    rounds: int = 0
    calls: int = 0
    tokens: int = 0
    seconds: float = 0.0
    spent: Spent = field(default_factory=Spent)
