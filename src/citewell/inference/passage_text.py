"""What of a passage is given to a model."""

import re

from citewell.inference.embedding import PassageText

CONTEXT_CHARACTERS = 256
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def encodable(text: str) -> str:
    """The text with lone surrogates replaced one for one, so that positions stay."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def in_context(passage: PassageText) -> str:
    """The text with its context in front, cut so that it cannot push the text out."""
    context = passage.context[:CONTEXT_CHARACTERS]
    return f"{context}\n{passage.text}" if context else passage.text
