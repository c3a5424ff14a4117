"""What calls cost: tokens, and their price where it is known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from langchain_core.messages import BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from citewell.domain.allowances import Amount

MILLION = Decimal(1_000_000)
# Roles and separators around each message.
MESSAGE_TOKENS = 8


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one call: read (of these some from the provider's cache) and written."""

    read: int = 0
    written: int = 0
    cached: int = 0

    def and_of(self, usage: UsageMetadata | None) -> "Tokens":
        """With what one more chunk says; providers tell parts of it in several chunks."""
        if usage is None:
            return self
        cached = (usage.get("input_token_details") or {}).get("cache_read") or 0
        return Tokens(
            self.read + max(0, usage["input_tokens"] or 0),
            self.written + max(0, usage["output_tokens"] or 0),
            self.cached + max(0, cached),
        )


@dataclass(frozen=True, slots=True)
class Price:
    """What a model takes, in US dollars; without `of_call` nobody knows."""

    of_call: Callable[[Tokens], Decimal] | None = None

    def of(self, tokens: Tokens) -> Decimal | None:
        """The price of a call."""
        return None if self.of_call is None else self.of_call(tokens)


def fixed(read: Decimal, written: Decimal) -> Price:
    """A price that the operator has set, for a million tokens of either kind."""
    return Price(lambda tokens: (read * tokens.read + written * tokens.written) / MILLION)


def listed(provider: str, model: str, base_url: str | None = None) -> Price:
    """The price on the provider's list; a server at another address has another owner.

    Reads the list that is installed, about a third of a second: call it in a thread.
    """
    from genai_prices import Usage, calc_price

    def of_call(tokens: Tokens) -> Decimal:
        usage = Usage(
            input_tokens=tokens.read,
            output_tokens=tokens.written,
            cache_read_tokens=min(tokens.cached, tokens.read),
        )
        if base_url is None:
            price: Decimal = calc_price(usage, model, provider_id=provider).total_price
        else:
            price = calc_price(usage, model, provider_api_url=base_url).total_price
        return price

    try:
        of_call(Tokens(1, 1))
    except LookupError:
        return Price()
    return Price(of_call)


def estimate(messages: Sequence[BaseMessage], tools: Sequence[BaseTool] = ()) -> int:
    """Tokens that a call reads, rather too many: three UTF-8 bytes make one.

    Providers' tokenizers differ and some are downloaded when they are first used.
    """
    said = sum(len(str(one.content).encode("utf-8", "replace")) for one in messages)
    said += sum(len(str(getattr(one, "tool_calls", ""))) for one in messages)
    offered = sum(len(str(convert_to_openai_tool(tool))) for tool in tools)
    return -(-(said + offered) // 3) + MESSAGE_TOKENS * (len(messages) + len(tools))


def dearest(
    price: Price, messages: Sequence[BaseMessage], tools: Sequence[BaseTool], *, most_tokens: int
) -> Amount:
    """What a call may use at most; of a price that nobody knows the money is 0."""
    tokens = Tokens(estimate(messages, tools), most_tokens)
    return Amount(tokens.read + tokens.written, price.of(tokens) or Decimal(0))
