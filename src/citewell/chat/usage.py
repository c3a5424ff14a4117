"""What the models of a run have cost, as its steps tell it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ag_ui.core import TokenUsage

# Beyond it nothing that reads JSON has whole numbers.
MOST = 2**53


@dataclass(slots=True)
class RunUsage:
    """Sums by model; a step that has asked one says `model`, `tokens_in`, `tokens_out`, `cost`."""

    tokens: dict[str, tuple[int, int]] = field(default_factory=dict)
    cost: float = 0.0

    def add(self, details: Mapping[str, float | int | str]) -> None:
        """Take note of a step that has ended."""
        model = details.get("model")
        if not isinstance(model, str):
            return
        read, written = self.tokens.get(model, (0, 0))
        more = _number(details.get("tokens_in")), _number(details.get("tokens_out"))
        self.tokens[model] = (read + int(more[0]), written + int(more[1]))
        self.cost += _number(details.get("cost"))

    def entries(self) -> list[TokenUsage] | None:
        """As AG-UI has them; None when no model was asked."""
        return [_entry(model, *tokens) for model, tokens in self.tokens.items()] or None

    def metadata(self) -> dict[str, dict[str, float]] | None:
        """The money, for which AG-UI has no field; None when nothing was spent."""
        return {"rag": {"cost": round(self.cost, 6)}} if self.cost else None


def _number(value: float | str | None) -> float:
    """What a step says, if it can be a sum."""
    return value if isinstance(value, int | float) and 0 <= value < MOST else 0.0


def _entry(model: str, read: int, written: int) -> TokenUsage:
    provider, _, name = model.partition(":")
    return TokenUsage(
        provider=provider if name else None,
        model=name or provider,
        input_tokens=read,
        output_tokens=written,
        total_tokens=read + written,
    )
