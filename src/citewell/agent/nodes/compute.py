"""Answer with a tool what is plainly a sum, a conversion or a date; no document is asked."""

from dataclasses import dataclass

from langchain_core.messages import ToolCall

from citewell.agent.plain.computation import computation
from citewell.agent.state import State
from citewell.agent.telling import step, tell
from citewell.agent.tools.calling import Toolbox
from citewell.agent.tools.contract import Means, Setting
from citewell.agent.tools.registry import made
from citewell.agent.tools.running import run_call
from citewell.domain.passages import Answer
from citewell.domain.run_events import TextProduced

# Why an answer has no footnotes: a tool computed it, or could not.
COMPUTED = "computed"
NOT_COMPUTED = "not_computed"


def is_computed(state: State) -> bool:
    """Whether a tool alone answers the question."""
    return computation(state["question"].text, state["began"].date()) is not None


@dataclass(frozen=True, slots=True)
class Compute:
    """Runs the one tool that answers the question, whatever model there is or is not."""

    means: Means

    async def __call__(self, state: State) -> State:
        """Say what the tool says, marked as computed."""
        async with step("compute"):
            question, began = state["question"], state["began"]
            found = computation(question.text, began.date())
            assert found is not None  # The graph comes here for no other question.
            setting = Setting(state["principal"], question.collections, began, self.means)
            box = Toolbox.of(
                state["principal"], str(question.run_id), made(setting), untrusted=False
            )
            call = ToolCall(name=found.tool, args=dict(found.arguments), id="call-1")
            result = await run_call(box, call, 1)
            tell(TextProduced(result.text))
        return State(
            answer=Answer(
                result.text,
                (),
                grounded=1.0,
                answered=not result.failed,
                reason=NOT_COMPUTED if result.failed else COMPUTED,
                confidence=0.0 if result.failed else 1.0,
            )
        )
