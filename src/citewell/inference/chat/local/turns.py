"""Messages as the templates of local models take them: turns of two speakers, one by one."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage

from citewell.inference.passage_text import encodable


def turns_of(messages: Sequence[BaseMessage], *, has_system: bool) -> list[dict[str, str]]:
    """The turns, neighbours of one speaker joined: many templates refuse two in a row.

    Without `has_system` the rules come first in what the user says. What a tool gave is told as
    the user's, since templates differ in whether they know tools.
    """
    turns: list[dict[str, str]] = []
    for message in messages:
        role, text = _role(message, has_system=has_system), encodable(str(message.text))
        if not text:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += f"\n\n{text}"
        else:
            turns.append({"role": role, "content": text})
    return turns


def _role(message: BaseMessage, *, has_system: bool) -> str:
    if isinstance(message, AIMessage):
        return "assistant"
    return "system" if isinstance(message, SystemMessage) and has_system else "user"
