"""Decide what to look up."""

from dataclasses import dataclass

from citewell.agent.counsel import Counsel
from citewell.agent.follow_ups.completing import complete
from citewell.agent.follow_ups.facts import acknowledged, filled, told_back
from citewell.agent.follow_ups.recalling import recalled
from citewell.agent.looks.elsewhere import Elsewhere
from citewell.agent.nodes.compute import is_computed
from citewell.agent.planning.plain import is_plain
from citewell.agent.planning.plan import Plan, Route, Source, read_plan
from citewell.agent.planning.unusable import NoCounselError
from citewell.agent.prompts.deciding import planning
from citewell.agent.splitting import parts_of
from citewell.agent.state import State
from citewell.agent.telling import Step, step
from citewell.domain.conversations import Remembered

ROUTES = frozenset({Route.LOOK_UP, Route.HOPS, Route.TEAM})


async def plan(state: State) -> State:
    """Divide the question into what can be looked up on its own.

    One that leans on the turns before it, or on a fact that the person wanted kept in mind, is
    completed from them first; one about the conversation itself is answered from it, and nothing is
    looked up.
    """
    async with step("plan") as told:
        return by_rules(state, told)


def by_rules(state: State, told: Step) -> State:
    """What can be said of the question by its form, and by the turns before it."""
    question, known = state["question"].text, state["question"].remembered
    if (said := _from_memory(question, known)) is not None:
        told.details["from_memory"] = 1
        return State(recalled=said)
    asked = filled(complete(question, known.turns), known.facts)
    if asked != question:
        told.details["looked_for"] = asked
    parts = parts_of(asked)
    told.details["parts"] = len(parts)
    return State(asked=asked, parts=parts, looks=0, bridges=(), judgements=0, rewrites=0)


@dataclass(frozen=True, slots=True)
class Planner:
    """Has a language model choose the route; what it cannot decide is decided by rules.

    A question that plainly needs one look is not planned by a model.
    """

    counsel: Counsel
    elsewhere: Elsewhere | None = None

    async def __call__(self, state: State) -> State:
        """The plan by rules, and the model's beside it where there is one."""
        async with step("plan") as told:
            rules = by_rules(state, told)
            if "recalled" in rules or is_computed({**state, **rules}):
                return rules
            asked = rules["asked"]
            if is_plain(asked):
                told.details["route"] = Route.LOOK_UP.value
                return rules
            try:
                made = await self._asked(state, asked, told)
            except NoCounselError as error:
                told.details["no_plan"] = error.reason
                return rules
            told.details["route"] = made.route.value
            told.details["hops"] = len(made.hops)
            return _with_plan(state, rules, made)

    async def _asked(self, state: State, asked: str, told: Step) -> Plan:
        turns = state["question"].remembered.turns
        routes = ROUTES | ({Route.CONVERSATION} if turns else set())
        sources = {Source.DOCUMENTS}
        if self.elsewhere is not None:
            sources |= self.elsewhere.offered(state)
        request = planning(asked, routes=routes, sources=sources, earlier=turns)
        told.details["prompt_sha256"] = request.sha256
        return read_plan(await self.counsel.decide(state, "plan", request), routes, sources)


def _with_plan(state: State, rules: State, made: Plan) -> State:
    turns = state["question"].remembered.turns
    if made.route is Route.CONVERSATION:
        # Said again from the passages of the last question: every sentence still has its source.
        last = complete(turns[-1].question, turns[:-1])
        return State(**{**rules, "asked": last, "parts": (last,), "plan": made})
    return State(**rules, plan=made)


def _from_memory(asked: str, known: Remembered) -> str | None:
    """What needs no document: an acknowledgement, facts, what was said before; None otherwise."""
    if known.noted is not None:
        return acknowledged(known.noted, asked)
    said = recalled(asked, known.turns, known.summary)
    return told_back(asked, known.facts) if said is None else said
