"""How a language model is asked to write."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from citewell.agent.prompts.answering import Variant


@dataclass(frozen=True, slots=True)
class Manner:
    """Which form of the rules a model gets, and how many tokens of passages at most.

    With `judge` the model looks again at every sentence that the checks have let through; with
    `shows_prompts` what it is sent is told among the events of the run.
    """

    variant: Variant = Variant.INSTRUCTION
    passage_tokens: int = 6000
    judge: bool = False
    shows_prompts: bool = False

    @classmethod
    def of(cls, chosen: Mapping[str, Any]) -> Self:
        """From the settings of the section `llm`."""
        return cls(
            Variant(chosen["prompt"]),
            chosen["passage_tokens"],
            chosen["judge"],
            chosen["show_prompts"],
        )


PLAIN = Manner()
