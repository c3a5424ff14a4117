"""The agent's graph: plan → retrieve → judge → answer → verify.

With a look from a name that the first one found where the question only describes it (bridge), and
with a second look when unsure.
"""

from typing import Any

import langsmith
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from citewell.agent.nodes.answer import Write, answer
from citewell.agent.nodes.bridge import Bridge, needs_bridge
from citewell.agent.nodes.compute import Compute, is_computed
from citewell.agent.nodes.judge import Judge
from citewell.agent.nodes.plan import after_planning, plan
from citewell.agent.nodes.recall import recall
from citewell.agent.nodes.retrieve import Retrieve
from citewell.agent.nodes.verify import Verify
from citewell.agent.state import State
from citewell.agent.tools.contract import Means
from citewell.agent.writing.manner import PLAIN, Manner
from citewell.agent.writing.second_look import SecondLook
from citewell.inference.chat.paid import PaidChat
from citewell.inference.paying import AnyEmbedder
from citewell.retrieval.citations import Citations
from citewell.retrieval.service import Retrieval

MOST_LOOKS = 2

# LangGraph's four type parameters: state, context, input, output.
Graph = CompiledStateGraph[State, Any, State, State]


def build(
    retrieval: Retrieval,
    embedder: AnyEmbedder,
    citations: Citations,
    writer: PaidChat | None = None,
    manner: Manner = PLAIN,
) -> Graph:
    """The compiled graph; one serves every run of the process.

    Without a `writer` answers are quoted. What passes through it is sent to nobody, whatever the
    process's environment asks of LangGraph.
    """
    langsmith.configure(enabled=False)
    graph = StateGraph(State)
    graph.add_node("plan", plan)
    graph.add_node("recall", recall)
    graph.add_node("compute", Compute(Means.of(retrieval)).__call__)
    graph.add_node("retrieve", Retrieve(retrieval).__call__)
    graph.add_node("bridge", Bridge(retrieval).__call__)
    graph.add_node("judge", Judge(embedder).__call__)
    write = Write(writer, manner).__call__ if writer else answer
    graph.add_node("answer", write)
    second = SecondLook(writer) if writer and manner.judge else None
    graph.add_node("verify", Verify(citations, embedder, second).__call__)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", after_plan, ["retrieve", "recall", "compute"])
    graph.add_edge("recall", "verify")
    graph.add_edge("compute", "verify")
    graph.add_conditional_edges("retrieve", after_retrieving, ["bridge", "judge"])
    graph.add_conditional_edges("bridge", after_retrieving, ["bridge", "judge"])
    graph.add_conditional_edges("judge", after_judging, ["retrieve", "answer"])
    graph.add_edge("answer", "verify")
    graph.add_edge("verify", END)
    return graph.compile()


def after_plan(state: State) -> str:
    """Compute what is plainly a computation; else as planned."""
    return "compute" if is_computed(state) else after_planning(state)


def after_retrieving(state: State) -> str:
    """Look from a name that was found, where the question only describes it."""
    return "bridge" if needs_bridge(state) else "judge"


def after_judging(state: State) -> str:
    """Answer with what there is, or look once more and wider."""
    unsure = not state["units"] and state["passages"]
    looks = state["looks"] - sum(bool(hops) for hops in state["bridges"])
    return "retrieve" if unsure and looks < MOST_LOOKS else "answer"
