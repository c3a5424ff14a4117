"""Hops that look elsewhere than in the documents: in the records, or on the web.

What they find is never quoted. Its few words go into the question of the hop that needs them, and
the answer is written from what that one finds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from langchain_core.messages import ToolCall

from citewell.agent.counsel import Counsel
from citewell.agent.planning.plan import Hop, Source
from citewell.agent.planning.replies import Read, read_statement
from citewell.agent.planning.unusable import NoCounselError
from citewell.agent.prompts.deciding import asking_records
from citewell.agent.state import State
from citewell.agent.tools.calling import Toolbox
from citewell.agent.tools.contract import Maker, Means, Setting
from citewell.agent.tools.running import run_call

# Numbered apart from the calls that a model makes by itself.
FIRST_CALL = 101
MOST_QUERY = 300


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The tool of each source, called under the same rule as a model's own calls."""

    counsel: Counsel
    means: Means
    tools: Mapping[Source, Maker]

    def offered(self, state: State) -> frozenset[Source]:
        """The sources that a plan for this caller may name."""
        return frozenset(
            source for source in self.tools if self._box(state, source, untrusted=True).tools
        )

    async def read(self, state: State, number: int, hop: Hop, asks: str) -> list[Read]:
        """The texts that a hop has found; raises `NoCounselError` with why there are none.

        Nobody is asked: a hop that would send out what the run has read is not gone.
        """
        # A plan is made before anything is read, but for what was said before.
        untrusted = bool(hop.needs or state["question"].remembered.turns)
        box = self._box(state, hop.source, untrusted=untrusted)
        [tool] = box.tools
        arguments = {"query": asks[:MOST_QUERY]}
        if hop.source is Source.RECORDS:
            said = await self.counsel.decide(state, "hop", asking_records(asks))
            arguments = {"sql": read_statement(said)}
        call = ToolCall(name=tool, args=arguments, id=f"hop-{number}")
        result = await run_call(box, call, FIRST_CALL + number - 1)
        if result.failed:
            raise NoCounselError("failed", result.text)
        return [Read(hop.source.value, part) for part in result.text.split("\n\n")]

    def _box(self, state: State, source: Source, *, untrusted: bool) -> Toolbox:
        question, principal = state["question"], state["principal"]
        setting = Setting(principal, question.collections, state["began"], self.means)
        tool = self.tools[source](setting)
        return Toolbox.of(principal, str(question.run_id), [tool], untrusted=untrusted)
