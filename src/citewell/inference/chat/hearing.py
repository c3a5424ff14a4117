"""From the chunks of a library to speech: text at once, tool calls when they are whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import orjson
from langchain_core.messages import AIMessageChunk, BaseMessage, ToolCall
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk

from citewell.inference.chat.failures import unusable
from citewell.inference.chat.prices import Price, Tokens, estimate
from citewell.inference.chat.speech import Called, Said, Speech, Used

# No language has tokens that are longer on average; a server that ignores its bound is cut off.
CHARACTERS_PER_TOKEN = 16
SPARE_CHARACTERS = 2000
MOST_ARGUMENT_CHARACTERS = 100_000
MOST_CALLS = 32
# Words of other providers.
REASONS = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls"}


@dataclass(slots=True)
class Hearing:
    """One answer as far as it has come."""

    name: str
    price: Price
    most_tokens: int
    characters: int = 0
    finish: str = ""
    _calls: list[ToolCallChunk] = field(default_factory=list)
    _argument_characters: int = 0
    _tokens: Tokens = field(default_factory=Tokens)

    @property
    def enough(self) -> bool:
        """Whether the model has said far more than it was allowed."""
        return self.characters > self.most_tokens * CHARACTERS_PER_TOKEN + SPARE_CHARACTERS

    def hear(self, chunk: AIMessageChunk) -> Iterator[Speech]:
        """What a chunk says. Raises `UpstreamError` for tool calls beyond all measure."""
        self._tokens = self._tokens.and_of(chunk.usage_metadata)
        self.finish = finish_of(chunk) or self.finish
        self._collect(chunk.tool_call_chunks)
        text = str(chunk.text)
        if text:
            self.characters += len(text)
            yield Said(text)

    def end(self, messages: Sequence[BaseMessage]) -> Iterator[Speech]:
        """The calls, and what all of it cost. Raises `UpstreamError` if nothing was said."""
        calls = self._called()
        if not (calls or self.characters):
            raise unusable(self.name, f"it said nothing ({self.finish or 'no reason given'})")
        if calls:
            yield calls
        told = self._tokens
        tokens = Tokens(
            told.read or estimate(messages), told.written or self._spoken(), told.cached
        )
        yield Used(
            self.name,
            tokens.read,
            tokens.written,
            self.price.of(tokens),
            "length" if self.enough else self.finish,
        )

    def _collect(self, chunks: Sequence[ToolCallChunk]) -> None:
        for chunk in chunks:
            self._argument_characters += len(chunk["args"] or "")
            self._calls.append(chunk)
        if self._argument_characters > MOST_ARGUMENT_CHARACTERS:
            raise unusable(self.name, "a tool call of more than 100,000 characters")

    def _called(self) -> Called | None:
        whole = list(_joined(self._calls))
        if len(whole) > MOST_CALLS:
            raise unusable(self.name, f"more than {MOST_CALLS} tool calls at once")
        return Called(tuple(map(self._read, whole))) if whole else None

    def _read(self, call: ToolCallChunk) -> ToolCall:
        # Libraries mend broken JSON by guessing; a tool is not run on a guess.
        try:
            arguments = orjson.loads(call["args"] or "{}")
        except orjson.JSONDecodeError:
            arguments = None
        if not (isinstance(arguments, dict) and call["name"]):
            raise unusable(self.name, "a tool call without a name or arguments in JSON")
        return ToolCall(name=call["name"], args=arguments, id=call["id"], type="tool_call")

    def _spoken(self) -> int:
        return -(-(self.characters + self._argument_characters) // 4)


def finish_of(chunk: AIMessageChunk) -> str:
    """Why the model stopped, in OpenAI's words; empty when it has not."""
    said = chunk.response_metadata
    for name in ("finish_reason", "stop_reason", "done_reason"):
        if reason := said.get(name):
            return str(REASONS.get(reason, reason))
    return ""


def _joined(chunks: Sequence[ToolCallChunk]) -> Iterator[ToolCallChunk]:
    """Chunks with the same index are parts of one call; one without an index is whole."""
    calls: dict[object, ToolCallChunk] = {}
    for number, chunk in enumerate(chunks):
        key = ("whole", number) if chunk["index"] is None else chunk["index"]
        so_far = calls.get(key) or tool_call_chunk(args="", index=chunk["index"])
        calls[key] = tool_call_chunk(
            name=(so_far["name"] or "") + (chunk["name"] or ""),
            args=(so_far["args"] or "") + (chunk["args"] or ""),
            id=so_far["id"] or chunk["id"] or f"call-{len(calls)}",
            index=chunk["index"],
        )
    yield from calls.values()
