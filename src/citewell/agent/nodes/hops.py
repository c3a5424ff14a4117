"""Several looks of one plan: the short answer of one is put into the question of the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from citewell.agent.bounds.spending import spending
from citewell.agent.calls.allowed import tell_limit
from citewell.agent.counsel import Counsel
from citewell.agent.looks.elsewhere import Elsewhere
from citewell.agent.looks.look import Asked, look
from citewell.agent.nodes.bridge import MOST_BRIDGES
from citewell.agent.planning.plan import Hop, Source
from citewell.agent.planning.replies import read_short_answer
from citewell.agent.planning.unusable import NoCounselError
from citewell.agent.prompts.deciding import short_answering
from citewell.agent.state import State
from citewell.agent.telling import Step, step
from citewell.retrieval.gathering import together
from citewell.retrieval.service import Retrieval

PASSAGES = 6
# Of the question as it was asked, which is looked for beside its hops.
OF_THE_WHOLE = 8


@dataclass(slots=True)
class _Found:
    """What the hops have found so far, by their number from 1."""

    asked: dict[int, Asked] = field(default_factory=dict)
    answers: dict[int, str] = field(default_factory=dict)
    elsewhere: dict[int, str] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Hops:
    """Hops that need nothing of each other are looked for at the same time, each a step.

    For a team every hop is a retriever of its own, whose short answer the members work with.
    """

    retrieval: Retrieval
    counsel: Counsel
    as_team: bool = False
    elsewhere: Elsewhere | None = None

    async def __call__(self, state: State) -> State:
        """Follow the plan as far as answers and limits reach; the rest is left to bridges."""
        hops = dict(enumerate(state["plan"].hops, start=1))
        found = _Found()
        async with together() as group:
            whole = group.create_task(self._whole(state))
            group.create_task(self._follow(state, hops, found))
        gathered: State = {**state, **whole.result().added_to({**state, "parts": ()})}
        for number in sorted(found.asked):
            gathered = {**gathered, **found.asked[number].added_to(gathered)}
        asked = found.elsewhere | {n: one.questions[0] for n, one in found.asked.items()}
        followed = len(asked) == len(hops)
        return State(
            parts=gathered["parts"],
            terms=gathered["terms"],
            passages=gathered["passages"],
            degraded=gathered["degraded"],
            looks=1 + len(found.asked),
            bridges=((),) * MOST_BRIDGES if followed else (),
            findings=tuple(
                (asks, found.answers.get(number, "")) for number, asks in sorted(asked.items())
            ),
        )

    async def _whole(self, state: State) -> Asked:
        async with step("retrieve") as told:
            asked = await look(self.retrieval, state, [state["asked"]], limit=OF_THE_WHOLE)
            told.details["passages"] = len(asked.results[0].passages)
            return asked

    async def _follow(self, state: State, hops: Mapping[int, Hop], found: _Found) -> None:
        while ready := _ready(hops, found):
            if not spending().may_look(len(ready)):
                tell_limit()
                return
            async with together() as group:
                for number in ready:
                    group.create_task(self._hop(state, number, hops, found))

    async def _hop(self, state: State, number: int, hops: Mapping[int, Hop], found: _Found) -> None:
        asks = hops[number].asked(found.answers)
        name = ("retriever#" + str(number), 1) if self.as_team else ("retrieve", number + 1)
        async with step(*name) as told:
            told.details["asks"] = asks
            if hops[number].source is not Source.DOCUMENTS:
                await self._look_elsewhere(state, number, hops[number], found, told)
                return
            found.asked[number] = asked = await look(self.retrieval, state, [asks], limit=PASSAGES)
            told.details["passages"] = len(asked.results[0].passages)
            if self.as_team or any(number in hop.needs for hop in hops.values()):
                answer = await self._short_answer(state, asked, told)
                told.details["answer"] = answer
                if answer:
                    found.answers[number] = answer
            found.ended.add(number)

    async def _look_elsewhere(
        self, state: State, number: int, hop: Hop, found: _Found, told: Step
    ) -> None:
        """Only its few words are kept, for the hop that needs them."""
        asks = found.elsewhere[number] = hop.asked(found.answers)
        told.details["source"] = hop.source.value
        try:
            assert self.elsewhere is not None  # No plan names another source without it.
            texts = await self.elsewhere.read(state, number, hop, asks)
            said = await self.counsel.decide(state, "hop", short_answering(asks, texts))
            answer = read_short_answer(said, texts)
        except NoCounselError as error:
            told.details["no_answer"] = error.reason
        else:
            told.details["answer"] = answer
            if answer:
                found.answers[number] = answer
        found.ended.add(number)

    async def _short_answer(self, state: State, asked: Asked, told: Step) -> str:
        """The few words that the next hop needs; "" when nobody can tell."""
        [question], passages = asked.questions, asked.results[0].passages
        if not passages:
            return ""
        try:
            said = await self.counsel.decide(state, "hop", short_answering(question, passages))
            return read_short_answer(said, passages)
        except NoCounselError as error:
            told.details["no_answer"] = error.reason
            return ""


def _ready(hops: Mapping[int, Hop], found: _Found) -> list[int]:
    return [
        number
        for number, hop in hops.items()
        if number not in found.ended and set(hop.needs) <= found.answers.keys()
    ]
