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
from citewell.agent.desk import Desk
from citewell.agent.offer import Offer
from citewell.agent.writing.manner import Manner
from citewell.domain.errors import GoneError
from citewell.domain.ids import RunId
from citewell.domain.principal import Principal
from citewell.domain.run_events import ApprovalWanted, Question, RunEvent
from citewell.domain.runs.approvals import Decision, Wanted
from citewell.inference.paying import AnyEmbedder
from citewell.retrieval.citations import Citations
from citewell.retrieval.service import Retrieval

if TYPE_CHECKING:
    from langgraph.types import Command

    from citewell.agent.graph import Graph
    from citewell.agent.state import State
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
        if "_graph" not in vars(self):
            await asyncio.to_thread(lambda: self._graph)

    def run(
        self, principal: Principal, question: Question, desk: Desk | None = None
    ) -> AsyncGenerator[RunEvent]:
        """The events of one run, the last being `AnswerFinished`.

        With a `desk` it may be `ApprovalWanted`: then `go_on` is what follows, in any process.
        Closing the generator stops the run. Raises what the nodes raise.
        """
        begun: State = {"principal": principal, "question": question, "began": datetime.now(UTC)}
        return self._told(begun, question.run_id, desk)

    async def go_on(
        self, principal: Principal, decision: Decision, desk: Desk
    ) -> AsyncGenerator[RunEvent]:
        """As `run`, from where it has paused; with the rights of `principal` as they are now.

        Raises `GoneError` when nothing is kept of it.
        """
        await self.warm_up()
        if await desk.load() is None:
            raise GoneError("The state of this run is kept no longer.", hint="Ask again.")
        resumed = self._resumed(principal, decision)
        async with aclosing(self._told(resumed, decision.thread, desk)) as events:
            async for event in events:
                yield event

    async def _told(
        self, given: "State | Command[Any]", thread: RunId | None, desk: Desk | None
    ) -> AsyncGenerator[RunEvent]:
        await self.warm_up()
        pauses = self._graph.checkpointer is not None
        stream = self._graph.astream(
            given,
            {"configurable": {"thread_id": str(thread), "desk": desk}},
            # The second one tells of a pause, and of much else that nobody needs.
            stream_mode=["custom", "updates"] if pauses else ["custom"],
            subgraphs=True,
            context=Context(Spending(self.limits), desk),
            durability="sync" if pauses else None,
        )
        async with aclosing(cast("AsyncGenerator[Any]", stream)) as events:
            async for _, mode, told in events:
                # LangGraph types what it tells as Any.
                if mode == "custom":
                    yield cast("RunEvent", told)
                elif question := told.get("__interrupt__"):
                    wanted = cast("Wanted", question[0].value)
                    yield ApprovalWanted(f"call-{wanted.number}", wanted)

    def _resumed(self, principal: Principal, decision: Decision) -> "Command[Any]":
        from langgraph.types import Command

        return Command(resume=decision, update={"principal": principal})

    @cached_property
    def _graph(self) -> "Graph":
        with self._building:
            from citewell.agent.graph import build

            return build(
                self.retrieval,
                self.embedder,
                self.citations,
                self._shown(self.writer),
                manner=self.manner,
                tools=replace(self.tools, members=tuple(self.members)),
            )

    def _shown(self, writer: "PaidChat | None") -> "PaidChat | None":
        if writer is None or not self.manner.shows_prompts:
            return writer
        from citewell.agent.calls.shown import ShownChat

        return ShownChat(writer.model, writer.pay)
