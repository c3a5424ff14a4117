"""An answer that a language model writes, told to the reader while it is being written."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from citewell.agent.prompts.answering import Prompt, Variant, answering
from citewell.agent.wording import language_name
from citewell.agent.writing.choosing import fitting
from citewell.agent.writing.filtering import Filter
from citewell.agent.writing.manner import Manner
from citewell.domain.allowances import Payer
from citewell.domain.passages import Passage
from citewell.domain.principal import Principal
from citewell.domain.run_events import Question
from citewell.domain.sentences import Span
from citewell.inference.chat.paid import PaidChat
from citewell.inference.chat.speech import Said, Used
from citewell.retrieval.question import language_of

MOST_TOKENS = 1024
# What notes may take beside the answer.
NOTES_TOKENS = 1024
CUT_OFF = "length"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a model has written, not checked yet; `[n]` is the n-th of `passages`, from 1.

    `admissions` are the parts that say what the passages do not.
    """

    text: str
    passages: tuple[Passage, ...]
    admissions: tuple[Span, ...]
    admits_all: bool


@dataclass(slots=True)
class Drafting:
    """One answer as it is written; `said` is what the reader has seen of it, also if it breaks."""

    writer: PaidChat
    prompt: Prompt
    passages: tuple[Passage, ...]
    most_tokens: int
    used: Used | None = None
    _filter: Filter = field(default_factory=Filter)

    @classmethod
    def of(
        cls, writer: PaidChat, manner: Manner, question: Question, passages: Sequence[Passage]
    ) -> "Drafting":
        """Ready to write, from as many of the best passages as fit."""
        shown = fitting(passages, manner.passage_tokens)
        prompt = answering(
            question.text,
            shown,
            language=language_name(language_of(question.text)),
            remembered=question.remembered,
            variant=manner.variant,
        )
        notes = NOTES_TOKENS if manner.variant is Variant.STEP_BY_STEP else 0
        return cls(writer, prompt, shown, MOST_TOKENS + notes)

    @property
    def said(self) -> str:
        """What the reader has seen so far."""
        return self._filter.said

    @property
    def is_cut_off(self) -> bool:
        """Whether the model had more to say than it was allowed."""
        return self.used is not None and self.used.finish == CUT_OFF

    async def write(self, principal: Principal, question: Question) -> AsyncGenerator[str]:
        """The text as it comes, to its end. Raises what `PaidChat.speak` raises."""
        payer = Payer.of(principal, question.run_id, question.collections)
        speech = self.writer.speak(payer, "answer", self._messages(), most_tokens=self.most_tokens)
        async with aclosing(speech) as pieces:
            async for piece in pieces:
                if isinstance(piece, Used):
                    self.used = piece
                if isinstance(piece, Said) and (text := self._filter.hear(piece.text)):
                    yield text
        if rest := self._filter.end():
            yield rest

    def draft(self) -> Draft:
        """What was written, once `write` has come to its end."""
        heard = self._filter
        return Draft(heard.said, self.passages, tuple(heard.admissions), heard.admits_all)

    def _messages(self) -> list[BaseMessage]:
        return [SystemMessage(self.prompt.system), HumanMessage(self.prompt.request)]
