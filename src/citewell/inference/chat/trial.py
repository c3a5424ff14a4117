"""Whether a model answers, and how fast."""

import time
from contextlib import aclosing

from langchain_core.messages import HumanMessage

from citewell.inference.chat.speech import ChatModel

ASKED = (HumanMessage("Answer with one word: yes"),)
# Some models think before they speak.
MOST_TOKENS = 512


async def seconds_for_a_word(model: ChatModel) -> float:
    """Raises what `ChatModel.stream` raises."""
    began = time.perf_counter()
    async with aclosing(model.stream(ASKED, most_tokens=MOST_TOKENS)) as speech:
        async for _ in speech:
            pass
    return time.perf_counter() - began
