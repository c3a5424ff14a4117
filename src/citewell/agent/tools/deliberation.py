"""A model and the tools: it calls, they run, it reads, until it is ready or a bound is reached."""

from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from langchain_core.messages import AIMessage, ToolCall, ToolMessage
from langchain_core.tools import BaseTool

from citewell.agent.calls.allowed import Counting, counted, may_ask
from citewell.agent.prompts.tooling import READY, shown_result
from citewell.agent.telling import step
from citewell.agent.tools.calling import Result, Toolbox
from citewell.agent.tools.progress import Finding, Progress
from citewell.agent.tools.running import run_call
from citewell.domain.allowances import Payer
from citewell.inference.chat.paid import PaidChat
from citewell.inference.chat.speech import Called, Said, Used

MOST_ROUNDS = 6
MOST_CALLS = 12
# Read and written, over all rounds.
MOST_TOKENS = 60_000
ANSWER_TOKENS = 700


@dataclass(frozen=True, slots=True)
class Deliberation:
    """One step of a run's use of tools: each goes on from what the steps before it have left."""

    writer: PaidChat
    payer: Payer
    box: Toolbox

    async def ask(self, now: Progress) -> Progress:
        """One more request to the model. Raises what `PaidChat.speak` raises."""
        if now.rounds >= MOST_ROUNDS:
            return replace(now, is_over=True, stopped="rounds")
        tools = [tool.runs for tool in self.box.tools.values()]
        most = self.writer.model.most(now.messages, tools, most_tokens=ANSWER_TOKENS)
        if not may_ask(most):
            return replace(now, is_over=True, stopped="limit")
        with counted(most) as counting:
            heard = await self._round(replace(now, rounds=now.rounds + 1, said=""), tools, counting)
        if not heard.pending:
            return replace(heard, is_over=True)
        if heard.tokens > MOST_TOKENS:
            return replace(heard, is_over=True, stopped="tokens", pending=())
        called = AIMessage(content=heard.said, tool_calls=list(heard.pending))
        return replace(heard, said="", messages=(*heard.messages, called))

    async def call(self, now: Progress) -> Progress:
        """Run the next call that waits; the run pauses here when a person has to decide."""
        if now.calls >= MOST_CALLS:
            return replace(now, is_over=True, stopped="calls", pending=())
        call, *rest = now.pending
        result = await run_call(self.box, call, now.calls + 1)
        after = replace(
            now,
            calls=now.calls + 1,
            pending=tuple(rest),
            messages=(*now.messages, _message(call, result)),
            untrusted=self.box.untrusted,
        )
        if result.failed:
            return after
        found = result.found.passages
        if found:
            return replace(after, passages=(*now.passages, *found))
        return replace(after, findings=(*now.findings, Finding(call["name"], result.text)))

    async def _round(
        self, now: Progress, tools: Sequence[BaseTool], counting: Counting
    ) -> Progress:
        """With the calls that the model wants; none when it is ready."""
        calls: list[ToolCall] = []
        pieces: list[str] = []
        tokens = now.tokens
        async with step("tools", now.rounds) as told:
            speech = self.writer.speak(
                self.payer, "tools", now.messages, tools, most_tokens=ANSWER_TOKENS
            )
            async with aclosing(speech) as heard:
                async for piece in heard:
                    match piece:
                        case Said(text):
                            pieces.append(text)
                        case Called(wanted):
                            calls += _named(wanted, now.calls + len(calls))
                        case Used():
                            tokens += piece.tokens_in + piece.tokens_out
                            counting.note(piece)
            told.details["calls"] = len(calls)
        return replace(now, pending=tuple(calls), said="".join(pieces).strip(), tokens=tokens)


def is_ready(now: Progress) -> bool:
    """Whether the model has left the answer to the passages."""
    return not now.said or READY in now.said


def _message(call: ToolCall, result: Result) -> ToolMessage:
    status = "error" if result.failed else "success"
    return ToolMessage(shown_result(result.text), tool_call_id=call["id"] or "", status=status)


def _named(wanted: tuple[ToolCall, ...], before: int) -> Iterator[ToolCall]:
    """The calls, each with an id of its own: some providers give none, or one to all."""
    for number, call in enumerate(wanted, start=before + 1):
        yield ToolCall(name=call["name"], args=call["args"], id=f"call-{number}")
