"""The agent's graph: plan → retrieve → judge → answer → verify.

With a look from a name that the first one found where the question only describes it (bridge), and
with a second look when unsure. Where there is a language model it plans, in hops if need be, and
reviews what was found.
"""

import langsmith
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from citewell.agent.bounds.limits import Context
from citewell.agent.calls.allowed import may_look
from citewell.agent.counsel import SECONDS, Counsel
from citewell.agent.looks.elsewhere import Elsewhere
from citewell.agent.nodes.answer import Write, answer
from citewell.agent.nodes.bridge import Bridge, needs_bridge
from citewell.agent.nodes.compute import Compute, is_computed
from citewell.agent.nodes.hops import Hops
from citewell.agent.nodes.judge import Judge
from citewell.agent.nodes.plan import Planner, plan
from citewell.agent.nodes.recall import recall
from citewell.agent.nodes.retrieve import Retrieve
from citewell.agent.nodes.review import Review, needs_review
from citewell.agent.nodes.use_tools import UseTools, asks_for_tool, wants_tools
from citewell.agent.nodes.verify import Verify
from citewell.agent.offer import Offer
from citewell.agent.pausing.saver import Saver
from citewell.agent.planning.plan import Route, Source
from citewell.agent.state import State
from citewell.agent.team.graph import build_team
from citewell.agent.team.registry import MEMBERS
from citewell.agent.tools import records
from citewell.agent.tools.contract import Maker, Means
from citewell.agent.tools.outside import web_search
from citewell.agent.writing.manner import PLAIN, Manner
from citewell.agent.writing.second_look import SecondLook
from citewell.inference.chat.paid import PaidChat
from citewell.inference.paying import AnyEmbedder
from citewell.retrieval.citations import Citations
from citewell.retrieval.service import Retrieval

MOST_LOOKS = 2
# From a plan.
WAYS = ("retrieve", "hops", "team", "recall", "compute")
NO_TOOLS = Offer()

# LangGraph's four type parameters: state, context, input, output.
Graph = CompiledStateGraph[State, Context, State, State]


def build(
    retrieval: Retrieval,
    embedder: AnyEmbedder,
    citations: Citations,
    writer: PaidChat | None = None,
    *,
    manner: Manner = PLAIN,
    tools: Offer = NO_TOOLS,
) -> Graph:
    """The compiled graph; one serves every run of the process.

    Without a `writer` answers are quoted; `tools` names what its model may use, and who works in
    its teams beside those that there are.
    What passes through it is sent to nobody, whatever the process's environment asks of LangGraph.
    """
    langsmith.configure(enabled=False)
    graph = StateGraph(State, context_schema=Context)
    if writer is None:
        graph.add_node("plan", plan)
        graph.add_conditional_edges("plan", after_planning, ["retrieve", "recall", "compute"])
    else:
        _add_decisions(graph, retrieval, Counsel(writer, SECONDS), tools)
    graph.add_node("recall", recall)
    graph.add_node("compute", Compute(Means.of(retrieval)).__call__)
    graph.add_node("retrieve", Retrieve(retrieval).__call__)
    graph.add_node("bridge", Bridge(retrieval).__call__)
    graph.add_node("judge", Judge(embedder).__call__)
    write = Write(writer, manner, retrieval).__call__ if writer else answer
    graph.add_node("answer", write)
    second = SecondLook(writer) if writer and manner.judge else None
    graph.add_node("verify", Verify(citations, embedder, second).__call__)
    graph.add_edge(START, "plan")
    for said in ("recall", "compute", "answer"):
        graph.add_edge(said, "verify")
    graph.add_conditional_edges("retrieve", after_retrieving, ["bridge", "judge"])
    graph.add_conditional_edges("bridge", after_retrieving, ["bridge", "judge"])
    _add_judgements(graph, retrieval, writer, tools)
    graph.add_edge("verify", END)
    return graph.compile(checkpointer=Saver() if writer and tools.enabled else None)


def _add_decisions(
    graph: StateGraph[State, Context, State, State],
    retrieval: Retrieval,
    counsel: Counsel,
    tools: Offer,
) -> None:
    """What a language model decides: the plan with its hops, and whether enough was found."""
    members = (*MEMBERS, *tools.members)
    elsewhere = _elsewhere(retrieval, counsel, tools)
    graph.add_node("plan", Planner(counsel, elsewhere).__call__)
    graph.add_node("hops", Hops(retrieval, counsel, elsewhere=elsewhere).__call__)
    graph.add_node("review", Review(retrieval, counsel).__call__)
    graph.add_conditional_edges("plan", after_planning, list(WAYS))
    graph.add_node("team", build_team(retrieval, counsel, members, elsewhere))
    graph.add_conditional_edges("hops", after_retrieving, ["bridge", "judge"])
    graph.add_conditional_edges("team", after_retrieving, ["bridge", "judge"])


def _elsewhere(retrieval: Retrieval, counsel: Counsel, tools: Offer) -> Elsewhere | None:
    """Where hops may look beside the documents: where a model's tools may."""
    if not tools.enabled:
        return None
    makers: dict[Source, Maker] = {Source.RECORDS: records.make}
    if tools.search is not None:
        makers[Source.WEB] = web_search.maker(tools.search)
    return Elsewhere(counsel, Means.of(retrieval), makers)


def _add_judgements(
    graph: StateGraph[State, Context, State, State],
    retrieval: Retrieval,
    writer: PaidChat | None,
    tools: Offer,
) -> None:
    """Where it goes on once it was judged, reviewed, or looked for with tools."""
    if writer is None:
        graph.add_conditional_edges("judge", after_judging, ["retrieve", "answer"])
        return
    further = ["retrieve", "review", "answer"]
    if not tools.enabled:
        graph.add_conditional_edges("judge", after_judging, further)
        graph.add_conditional_edges("review", after_reviewing, ["judge", "answer"])
        return
    use = UseTools(writer, Means.of(retrieval), tools.added, tools.servers)
    graph.add_node("tools", use.__call__)
    graph.add_conditional_edges("judge", judged_with_tools, [*further, "tools"])
    graph.add_conditional_edges("review", reviewed_with_tools, ["judge", "answer", "tools"])
    graph.add_conditional_edges("tools", after_tools, [*further, "tools", "judge", "verify"])


def after_planning(state: State) -> str:
    """Look up, in the hops of a plan if there is one.

    Unless the conversation has said it all, or the question is plainly a computation.
    """
    if is_computed(state):
        return "compute"
    if "recalled" in state:
        return "recall"
    if "plan" not in state or not state["plan"].hops:
        return "retrieve"
    return "team" if state["plan"].route is Route.TEAM else "hops"


def after_retrieving(state: State) -> str:
    """Look from a name that was found, where the question only describes it."""
    return "bridge" if needs_bridge(state) and may_look() else "judge"


def after_judging(state: State) -> str:
    """Answer with what there is, or look once more and wider."""
    if needs_review(state) and may_look():
        return "review"
    unsure = not state["units"] and state["passages"]
    looks = state["looks"] - sum(bool(hops) for hops in state["bridges"])
    wider = unsure and looks < MOST_LOOKS and "plan" not in state
    return "retrieve" if wider and may_look() else "answer"


def after_reviewing(state: State) -> str:
    """Judge what another look has found, or answer."""
    return "answer" if state.get("settled") else "judge"


def judged_with_tools(state: State) -> str:
    """As without them, but tools before the answer where they are wanted.

    A review goes before them unless the question asks for a tool: it is one short request, and what
    it has found makes two long ones needless.
    """
    after = after_judging(state)
    if after == "review" and not asks_for_tool(state):
        return after
    return "tools" if after in {"answer", "review"} and wants_tools(state) else after


def reviewed_with_tools(state: State) -> str:
    """As without them, but tools where the review has not found enough."""
    after = after_reviewing(state)
    return "tools" if after == "answer" and wants_tools(state) else after


def after_tools(state: State) -> str:
    """On, until no tool is wanted; then done, or judge again what they have found, if anything."""
    if state.get("progress") is not None:
        return "tools"
    if "answer" in state:
        return "verify"
    return "judge" if state["tooled"] else after_judging(state)
