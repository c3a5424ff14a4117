"""A model and the tools: it calls, they run, it reads, until it is ready or a bound is reached."""

from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage

from citewell.agent.prompts.tooling import READY, shown_result
from citewell.agent.telling import step
from citewell.agent.tools.calling import Toolbox
from citewell.agent.tools.running import run_call
from citewell.domain.allowances import Payer
from citewell.domain.passages import Passage
from citewell.inference.chat.paid import PaidChat
from citewell.inference.chat.speech import Called, Said, Used

MOST_ROUNDS = 6
MOST_CALLS = 12
# Read and written, over all rounds.
MOST_TOKENS = 60_000
ANSWER_TOKENS = 700


@dataclass(frozen=True, slots=True)
class Finding:
    """What a tool gave that no passage holds: it can be said, and not cited."""

    tool: str
    text: str


@dataclass(slots=True)
class Deliberation:
    """One run's use of tools; what was gathered stays when it breaks off.

    `stopped` names the bound that ended it: `rounds`, `calls` or `tokens`; empty for none.
    """

    writer: PaidChat
    payer: Payer
    box: Toolbox
    messages: list[BaseMessage]
    findings: list[Finding] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    said: str = ""
    stopped: str = ""
    calls: int = 0
    tokens: int = 0

    async def proceed(self) -> None:
        """Until the model is ready or a bound is reached. Raises what `PaidChat.speak` raises."""
        for number in range(1, MOST_ROUNDS + 1):
            calls = await self._round(number)
            if not calls:
                return
            if self.tokens > MOST_TOKENS:
                self.stopped = "tokens"
                return
            self.messages.append(AIMessage(content=self.said, tool_calls=calls))
            self.said = ""
            for call in calls:
                if self.calls >= MOST_CALLS:
                    self.stopped = "calls"
                    return
                await self._call(call)
        self.stopped = "rounds"

    async def _round(self, number: int) -> list[ToolCall]:
        """What the model wants run, nothing when it is ready."""
        calls: list[ToolCall] = []
        pieces: list[str] = []
        async with step("tools", number) as told:
            tools = [tool.runs for tool in self.box.tools.values()]
            speech = self.writer.speak(
                self.payer, "tools", self.messages, tools, most_tokens=ANSWER_TOKENS
            )
            async with aclosing(speech) as spoken:
                async for piece in spoken:
                    match piece:
                        case Said(text):
                            pieces.append(text)
                        case Called(wanted):
                            calls += _named(wanted, self.calls)
                        case Used():
                            self.tokens += piece.tokens_in + piece.tokens_out
                            told.details |= _cost(piece)
            told.details["calls"] = len(calls)
        self.said = "".join(pieces).strip()
        return calls

    async def _call(self, call: ToolCall) -> None:
        self.calls += 1
        result = await run_call(self.box, call, self.calls)
        status = "error" if result.failed else "success"
        content = shown_result(result.text)
        self.messages.append(ToolMessage(content, tool_call_id=call["id"] or "", status=status))
        if result.failed:
            return
        self.passages += result.found.passages
        if not result.found.passages:
            self.findings.append(Finding(call["name"], result.text))

    @property
    def is_ready(self) -> bool:
        """Whether the model has left the answer to the passages."""
        return not self.said or READY in self.said


def _named(wanted: tuple[ToolCall, ...], before: int) -> Iterator[ToolCall]:
    """The calls, each with an id of its own: some providers give none, or one to all."""
    for number, call in enumerate(wanted, start=before + 1):
        yield ToolCall(name=call["name"], args=call["args"], id=f"call-{number}")


def _cost(used: Used) -> dict[str, float | int | str]:
    return {
        "model": used.model,
        "tokens_in": used.tokens_in,
        "tokens_out": used.tokens_out,
        "cost": float(used.money or 0),
    }
