"""How a language model is asked to write."""

from dataclasses import dataclass

from citewell.agent.prompts.answering import Variant


@dataclass(frozen=True, slots=True)
class Manner:
    """Which form of the rules a model gets, and how many tokens of passages at most."""

    variant: Variant = Variant.INSTRUCTION
    passage_tokens: int = 6000


PLAIN = Manner()
