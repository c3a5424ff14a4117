"""Let a model use tools where the documents alone do not answer, or the question asks for one."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import HumanMessage, SystemMessage

from citewell.agent.bounds.spending import desk, spending
from citewell.agent.nodes.compute import COMPUTED
from citewell.agent.prompts.tooling import tooling
from citewell.agent.state import State
from citewell.agent.telling import tell
from citewell.agent.tools.calling import Toolbox
from citewell.agent.tools.contract import Maker, Means, Setting
from citewell.agent.tools.deliberation import Deliberation, is_ready
from citewell.agent.tools.figures import unknown_numbers
from citewell.agent.tools.outside.servers import ServerTools
from citewell.agent.tools.progress import Progress
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
    return "tooled" not in state and (not state["units"] or asks_for_tool(state))


def asks_for_tool(state: State) -> bool:
    """Whether the question has words of computing, or of what the records know."""
    words = state["question"].text.lower().replace("?", " ").replace("%", " percent ").split()
    return not _HINTS.isdisjoint(words)


@dataclass(frozen=True, slots=True)
class UseTools:
    """Bounded in rounds, calls, tokens, money and time; what was gathered by then is used.

    Each request to the model and each call is a step of the graph, so that a run can pause between
    them and go on elsewhere.
    """

    writer: PaidChat
    means: Means
    added: Sequence[Maker] = ()
    servers: ServerTools | None = None

    async def __call__(self, state: State) -> State:
        """The next call that waits, or else one more request to the model.

        At the end passages that tools found come first, and what they computed is the answer.
        """
        tools = await self._tools(state)
        now = state.get("progress") or _begun(state, tools)
        spending().go_on_from(now.spent)
        now = await self._advanced(state, now, tools)
        if not now.is_over:
            return State(progress=replace(now, spent=spending().so_far))
        if now.stopped:
            tell(Noticed("tools_stopped", now.stopped))
        answer = _answered(now, state)
        passages = _joined(now.passages, state["passages"])
        after = State(tooled=len(now.passages), passages=passages, progress=None)
        return after if answer is None else {**after, "answer": answer}

    async def _advanced(self, state: State, now: Progress, tools: Toolbox) -> Progress:
        began = time.monotonic()
        question = state["question"]
        payer = Payer.of(state["principal"], question.run_id, question.collections)
        deliberation = Deliberation(self.writer, payer, tools)
        try:
            async with asyncio.timeout(SECONDS - now.seconds) as limit:
                step = deliberation.call if now.pending else deliberation.ask
                after = await step(now)
        except BudgetExceededError:
            tell(Noticed("budget", BUDGET_EXCEEDED))
            return replace(now, is_over=True)
        except (UnavailableError, UpstreamError):
            # Whoever writes the answer asks the same model, and says what is missing then.
            return replace(now, is_over=True)
        except TimeoutError:
            if not limit.expired():
                raise
            return replace(now, is_over=True, stopped="seconds")
        return replace(after, seconds=now.seconds + time.monotonic() - began)

    async def _tools(self, state: State) -> Toolbox:
        principal, question = state["principal"], state["question"]
        setting = Setting(principal, question.collections, state["began"], self.means)
        now = state.get("progress")
        # Passages, and what was said before on their ground, are texts of others.
        untrusted = (
            now.untrusted
            if now
            else bool(state["passages"] or question.remembered.turns or state.get("findings"))
        )
        run = "" if question.run_id is None else str(question.run_id)
        # What was not kept from the beginning could not go on from a pause.
        can_ask = desk() is not None and question.run_id is not None
        can_ask = can_ask and (now is None or now.may_pause)
        tools = made(setting, self.added)
        if self.servers is not None:
            theirs = await self.servers.made(setting, {tool.name for tool in tools})
            # How they describe themselves is a text of others too, and the model reads it first.
            untrusted = untrusted or bool(theirs)
            tools += theirs
        language = language_of(question.text)
        return Toolbox.of(
            principal, run, tools, untrusted=untrusted, can_ask=can_ask, language=language
        )


def _begun(state: State, tools: Toolbox) -> Progress:
    question = state["question"]
    asked = tooling(
        question.text,
        state["passages"],
        now=state["began"],
        language=language_name(language_of(question.text)),
    )
    messages = (SystemMessage(asked.system), HumanMessage(asked.request))
    may_pause = tools.can_ask and tools.may_have_effect
    return Progress(messages, tools.untrusted, may_pause=may_pause)


def _answered(found: Progress, state: State) -> Answer | None:
    """What the findings answer; None where the passages are to be asked."""
    ready = is_ready(found)
    if not found.findings or (ready and state["units"]):
        return None
    results = [finding.text for finding in found.findings]
    known = (*results, state["question"].text)
    text = unloaded(found.said)
    if ready or unknown_numbers(text, known):
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
