"""The agent: a question in, events of a run out."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from citewell.agent.bounds.limits import Context, Limits, Spending
from citewell.agent.offer import Offer
from citewell.agent.writing.manner import Manner
from citewell.domain.principal import Principal
from citewell.domain.run_events import Question, RunEvent
from citewell.inference.paying import AnyEmbedder
from citewell.retrieval.citations import Citations
from citewell.retrieval.service import Retrieval

if TYPE_CHECKING:
    from citewell.agent.graph import Graph
    from citewell.agent.team.member import Member
    from citewell.inference.chat.paid import PaidChat


@dataclass(frozen=True)
class Agent:
    """Runs the graph, which holds nothing of any run.

    `writer` is the language model, if there is one, and `manner` how it is asked; `limits` are what
    one run may use, `members` work in its teams beside those that there are, and
    `tools` says which tools the model may use.
    The graph's library takes longer to import than everything else to start: it is imported by
    `warm_up`, or by the first question.
    """

    retrieval: Retrieval
    embedder: AnyEmbedder
    citations: Citations
    writer: "PaidChat | None" = None
    manner: Manner = field(default_factory=Manner)
    limits: Limits = field(default_factory=Limits)
    members: "Sequence[Member]" = ()
    tools: Offer = field(default_factory=Offer)
    _building: Lock = field(default_factory=Lock)

    async def warm_up(self) -> None:
        """Be ready for the first question."""
        await asyncio.to_thread(lambda: self._graph)

    async def run(self, principal: Principal, question: Question) -> AsyncGenerator[RunEvent]:
        """The events of one run, the last being `AnswerFinished`.

        Closing the generator stops the run. Raises what the nodes raise.
        """
        await self.warm_up()
        stream = self._graph.astream(
            {"principal": principal, "question": question, "began": datetime.now(UTC)},
            stream_mode="custom",
            subgraphs=True,
            context=Context(Spending(self.limits)),
        )
        async with aclosing(cast("AsyncGenerator[Any]", stream)) as events:
            async for _, event in events:
                yield cast("RunEvent", event)  # LangGraph types custom events as Any.

    @cached_property
    def _graph(self) -> "Graph":
        with self._building:
            from citewell.agent.graph import build

            return build(
                self.retrieval,
                self.embedder,
                self.citations,
                self.writer,
                manner=self.manner,
                tools=replace(self.tools, members=tuple(self.members)),
            )
