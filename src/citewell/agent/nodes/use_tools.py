"""Let a model use tools where the documents alone do not answer, or the question asks for one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import HumanMessage, SystemMessage

from citewell.agent.nodes.compute import COMPUTED
from citewell.agent.prompts.tooling import tooling
from citewell.agent.state import State
from citewell.agent.telling import tell
from citewell.agent.tools.calling import Toolbox
from citewell.agent.tools.contract import Maker, Means, Setting
from citewell.agent.tools.deliberation import Deliberation
from citewell.agent.tools.figures import unknown_numbers
from citewell.agent.tools.registry import made
from citewell.agent.wording import language_name
from citewell.agent.writing.computed import held
from citewell.agent.writing.unloading import unloaded
from citewell.domain.allowances import Payer
from citewell.domain.errors import BudgetExceededError, UnavailableError, UpstreamError
from citewell.domain.ids import ChunkId
from citewell.domain.passages import BUDGET_EXCEEDED, Answer, Passage
from citewell.domain.run_events import Noticed, TextProduced
from citewell.inference.chat.paid import PaidChat
from citewell.retrieval.question import language_of

SECONDS = 90.0
RELATED = 3
# Words of questions that passages seldom answer by themselves.
_HINTS = frozenset({
    "average", "mean", "sum", "total", "percent", "percentage", "difference", "convert",
    "calculate", "compute", "increase", "decrease", "documents", "files", "collections",
    "uploaded", "added", "failed", "jobs", "tokens", "spent", "days", "weeks", "weekday",
    "durchschnitt", "summe", "prozent", "unterschied", "rechne", "berechne", "dokumente",
    "dateien", "hochgeladen", "fehlgeschlagen", "tage", "wochen", "moyenne", "somme", "pourcent",
    "différence", "fichiers", "échoué", "jours", "semaines", "promedio", "suma", "porcentaje",
    "diferencia", "documentos", "archivos", "días",
})  # fmt: skip


def wants_tools(state: State) -> bool:
    """Whether a model is asked about tools: once a run, and not where passages plainly do."""
    if "tooled" in state:
        return False
    words = state["question"].text.lower().replace("?", " ").replace("%", " percent ").split()
    return not state["units"] or not _HINTS.isdisjoint(words)


@dataclass(frozen=True, slots=True)
class UseTools:
    """Bounded in rounds, calls, tokens, money and time; what was gathered by then is used."""

    writer: PaidChat
    means: Means
    added: Sequence[Maker] = ()

    async def __call__(self, state: State) -> State:
        """Passages that tools found come first from now on; what they computed is the answer."""
        deliberation = self._begun(state)
        try:
            async with asyncio.timeout(SECONDS) as limit:
                await deliberation.proceed()
        except BudgetExceededError:
            tell(Noticed("budget", BUDGET_EXCEEDED))
        except (UnavailableError, UpstreamError):
            # Whoever writes the answer asks the same model, and says what is missing then.
            pass
        except TimeoutError:
            if not limit.expired():
                raise
            deliberation.stopped = "seconds"
        if deliberation.stopped:
            tell(Noticed("tools_stopped", deliberation.stopped))
        answer = _answered(deliberation, state)
        found = deliberation.passages
        after = State(tooled=len(found), passages=_joined(found, state["passages"]))
        return after if answer is None else {**after, "answer": answer}

    def _begun(self, state: State) -> Deliberation:
        principal, question = state["principal"], state["question"]
        setting = Setting(principal, question.collections, state["began"], self.means)
        # Passages, and what was said before on their ground, are texts of others.
        untrusted = bool(state["passages"] or question.remembered.turns)
        tools = made(setting, self.added)
        box = Toolbox.of(principal, str(question.run_id), tools, untrusted=untrusted)
        asked = tooling(
            question.text,
            state["passages"],
            now=state["began"],
            language=language_name(language_of(question.text)),
        )
        payer = Payer.of(principal, question.run_id, question.collections)
        messages = [SystemMessage(asked.system), HumanMessage(asked.request)]
        return Deliberation(self.writer, payer, box, list(messages))


def _answered(found: Deliberation, state: State) -> Answer | None:
    """What the findings answer; None where the passages are to be asked."""
    if not found.findings or (found.is_ready and state["units"]):
        return None
    results = [finding.text for finding in found.findings]
    known = (*results, state["question"].text)
    text = unloaded(found.said)
    if found.is_ready or unknown_numbers(text, known):
        # A number that nobody computed is not said: the results speak for themselves.
        text = unloaded("\n\n".join(results))
    # What a model reads before it speaks may have told it what to say.
    checked = held(text, known)
    tell(TextProduced(text))
    return Answer(
        text,
        (),
        grounded=checked.share,
        doubts=checked.doubts,
        answered=True,
        reason=COMPUTED,
        related=state["passages"][:RELATED],
        confidence=1.0,
        degraded=state["degraded"],
    )


def _joined(new: Sequence[Passage], old: Sequence[Passage]) -> tuple[Passage, ...]:
    found: dict[ChunkId, Passage] = {}
    for passage in (*new, *old):
        found.setdefault(passage.chunk_id, passage)
    return tuple(found.values())
