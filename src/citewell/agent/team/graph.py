"""The team as a graph of its own: retrievers at the same time, then each member with its trade."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from citewell.agent.bounds.limits import Context
from citewell.agent.calls.allowed import may_look
from citewell.agent.counsel import Counsel
from citewell.agent.looks.elsewhere import Elsewhere
from citewell.agent.nodes.hops import Hops
from citewell.agent.planning.unusable import NoCounselError
from citewell.agent.state import State
from citewell.agent.team.member import MOST_LINE, Finding, Member, Task
from citewell.agent.telling import step
from citewell.domain.errors import AppError
from citewell.retrieval.service import Retrieval


def build_team(
    retrieval: Retrieval,
    counsel: Counsel,
    members: Sequence[Member],
    elsewhere: Elsewhere | None = None,
) -> CompiledStateGraph[State, Context, State, State]:
    """The compiled graph, a node of the agent's; the judge and the writer come after it."""
    graph = StateGraph(State, context_schema=Context)
    hops = Hops(retrieval, counsel, as_team=True, elsewhere=elsewhere)
    graph.add_node("retrievers", hops.__call__)
    graph.add_node("members", Members(counsel, tuple(members)).__call__)
    graph.add_edge(START, "retrievers")
    graph.add_edge("retrievers", "members")
    graph.add_edge("members", END)
    return graph.compile()


@dataclass(frozen=True, slots=True)
class Members:
    """Each works once, in the order of the registry; who has nothing to say is passed over."""

    counsel: Counsel
    members: tuple[Member, ...]

    async def __call__(self, state: State) -> State:
        """The question with the lines that were worked out behind it."""
        lines = [line for one in self.members if (line := await self._line(one, state))]
        if not lines:
            return State()
        question = state["question"]
        worked_out = "\n".join(f"Worked out from what was found: {line}" for line in lines)
        return State(question=replace(question, text=f"{question.text}\n\n{worked_out}"))

    async def _line(self, member: Member, state: State) -> str:
        if not may_look():
            return ""
        findings = tuple(Finding(asks, answer) for asks, answer in state["findings"])
        task = Task(state["asked"], findings, partial(self.counsel.decide, state))
        async with step(member.name) as told:
            try:
                line = " ".join((await member.work(task)).split())[:MOST_LINE]
            except NoCounselError as error:
                told.details["no_result"] = error.reason
                return ""
            except AppError as error:
                told.details["no_result"] = error.code
                return ""
            if line:
                told.details["result"] = line
            return line
