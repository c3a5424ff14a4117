"""The agent: a question in, events of a run out."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from citewell.agent.graph import Graph
from citewell.agent.state import State
from citewell.domain.principal import Principal
from citewell.domain.run_events import Question, RunEvent


@dataclass(frozen=True, slots=True)
class Agent:
    """Runs the graph for one principal at a time; holds nothing of any run."""

    graph: Graph

    async def run(self, principal: Principal, question: Question) -> AsyncGenerator[RunEvent]:
        """The events of one run, the last being `AnswerFinished`.

        Closing the iterator stops the run. Raises what the nodes raise.
        """
        start = State(principal=principal, question=question)
        stream = cast("AsyncGenerator[Any]", self.graph.astream(start, stream_mode="custom"))
        async with aclosing(stream) as events:
            async for event in events:
                yield cast("RunEvent", event)  # LangGraph types custom events as Any.
