"""Answer from what was said before, or is kept in mind."""

from citewell.agent.state import State
from citewell.agent.telling import step, tell
from citewell.domain.passages import Answer
from citewell.domain.run_events import TextProduced

# Why an answer has no footnotes: it repeats what was said, word for word.
FROM_MEMORY = "from_memory"


async def recall(state: State) -> State:
    """Say what was asked, answered or kept before; nothing is looked up."""
    async with step("recall"):
        text = state["recalled"]
        tell(TextProduced(text))
        answer = Answer(text, (), grounded=1.0, answered=True, reason=FROM_MEMORY, confidence=1.0)
    return State(answer=answer)
