"""The prompt with which a model decides about tools, and how it is shown what they gave."""

from collections.abc import Sequence
from datetime import datetime

from citewell.agent.prompts.answering import Prompt
from citewell.agent.prompts.fencing import fence_for
from citewell.agent.prompts.files import prompt
from citewell.domain.passages import Passage

READY = "READY"
MOST_PASSAGES = 8


def tooling(
    question: str, passages: Sequence[Passage], *, now: datetime, language: str = ""
) -> Prompt:
    """Ask which tools are needed, if any, beside the best of the passages."""
    shown = [f"[{one.title or one.filename}]\n{one.text}" for one in passages[:MOST_PASSAGES]]
    fence = fence_for((question, *shown))
    system, request = prompt("tools"), prompt("tools_request")
    filled = request.fill(
        {
            "passages": "\n\n".join(
                fence.around("passage", text, {"number": n})
                for n, text in enumerate(shown, start=1)
            ),
            "question": fence.around("question", question),
            "language": language or "the language of the question",
            "now": f"{now:%A, %Y-%m-%d %H:%M} UTC",
        }
    )
    return Prompt(system.text.strip(), filled, system.sha256)


def shown_result(text: str) -> str:
    """What a tool gave, fenced: nothing in it can end the fence."""
    return fence_for((text,)).around("result", text)
