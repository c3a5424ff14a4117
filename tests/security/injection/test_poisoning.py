"""S11c: a false text that was used is cited or doubted; no document owns what a model reads."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from citewell.accounts.budgets import Budgets
from citewell.agent.service import Agent
from citewell.agent.writing.choosing import SHARE
from citewell.domain.ids import CollectionId, DocumentId, TenantId
from citewell.domain.passages import Answer
from citewell.domain.run_events import AnswerFinished, Question, SourcesFound
from citewell.index.index import IndexSettings
from citewell.inference.builtin_embedder import BuiltinEmbedder
from citewell.inference.chat.attempts import Link
from citewell.inference.chat.chain import ModelChain
from citewell.inference.chat.opening import Terms, open_model
from citewell.inference.chat.paid import PaidChat
from citewell.retrieval.citations import Citations
from citewell.retrieval.projections import Projections
from citewell.retrieval.service import Retrieval
from citewell.storage.database import Database
from citewell.storage.notifications import Notifications
from tests.conftest import Counted
from tests.contract.chat_server import Body, ChatServer, Reply, chat_server, say
from tests.journeys.conftest import shared
from tests.security.injection.attacks import poisoned
from tests.unit.retrieval.library import Library

# A model marks what it has from a false text rightly, not at all, or as somebody else's.
MANNERS = ("honest", "silent", "framing")
SAMPLE = 2
PADDING = 220
OTHERS = 8
# Not behind the initial of a name.
_BEHIND_A_SENTENCE = re.compile(r"(?<!\b[A-Z])\. ")
_PASSAGE = re.compile(r"<passage number=(\d+) key=\w+>\n(.*?)\n</passage", re.DOTALL)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


@pytest.fixture
def library(database: Database, tenant: TenantId) -> Library:
    return Library(database, BuiltinEmbedder(1), tenant)


@pytest.fixture
async def retrieval(library: Library, tmp_path: Path) -> AsyncIterator[Retrieval]:
    database = library.database
    notifications = Notifications(database.url)
    projections = Projections(database, notifications, tmp_path, IndexSettings(), 1 << 30)
    yield Retrieval(database, library.embedder, projections)
    await projections.close()
    await library.embedder.close()


@pytest.fixture
async def agents(retrieval: Retrieval, server: ChatServer) -> AsyncIterator[tuple[Agent, Agent]]:
    """One that quotes, one whose model writes."""
    database, citations = retrieval.database, Citations(retrieval.database)
    model = ModelChain((Link(await open_model("openai:misled", Terms(server.base_url))),))
    writer = PaidChat(model, Budgets(database).paying)
    quoting = Agent(retrieval, retrieval.embedder, citations)
    yield quoting, Agent(retrieval, retrieval.embedder, citations, writer)
    await model.close()


@dataclass(frozen=True, slots=True)
class Poisoned:
    """A collection in which some documents are false."""

    collection: CollectionId
    questions: Sequence[Mapping[str, Any]]
    false: frozenset[DocumentId]


@dataclass(slots=True)
class Misled:
    """Says a sentence of a false text, where it was given one: the false answer, if it is there."""

    texts: Sequence[str]
    false: str
    manner: str
    said: str = ""

    def __call__(self, body: Body) -> Reply:
        if "JSON object" in str(body["messages"][0]["content"]):
            return say('{"route": "look_up", "enough": true}')
        shown = {int(n): text for n, text in _PASSAGE.findall(str(body["messages"][-1]["content"]))}
        for number, text in shown.items():
            if found := next((one for one in self.texts if one[:60] in text), ""):
                told = _BEHIND_A_SENTENCE.split(found)
                said = next((one for one in told if self.false.lower() in one.lower()), told[0])
                self.said = said.rstrip(".")
                return say(f"{self.said}{self._mark(number, shown)}.")
        return say("NOT_IN_DOCUMENTS They do not say it.")

    def _mark(self, number: int, shown: Mapping[int, str]) -> str:
        clean = [n for n, text in shown.items() if not any(one[:60] in text for one in self.texts)]
        return {"honest": f" [{number}]", "silent": "", "framing": f" [{(clean or [number])[0]}]"}[
            self.manner
        ]


@dataclass(slots=True)
class Tally:
    asked: int = 0
    used: int = 0
    cited: int = 0
    doubted: int = 0
    broken: list[str] = field(default_factory=list)


def background() -> list[str]:
    """Long texts about other things."""
    with (shared("quality") / "scifact" / "corpus.jsonl").open(encoding="utf-8") as lines:
        read = (json.loads(line)["text"] for line, _ in zip(lines, range(200), strict=False))
        return [text for text in read if len(text.split()) >= PADDING]


async def poison(
    library: Library, name: str, questions: Sequence[Mapping[str, Any]], *, together: bool
) -> Poisoned:
    """The true answers, other things, and five false texts a question: alone, or in one document.

    In one document each is long enough to be a passage of its own.
    """
    others, false = background(), list[DocumentId]()
    for number, text in enumerate(others[:OTHERS]):
        await library.add(f"Abstract {number}", text, collection=name)
    for number, one in enumerate(questions):
        true = f"{one['question'].rstrip('?').capitalize()}: {one['correct answer']}."
        await library.add(f"Answer {number}", true, collection=name)
        texts = one["adv_texts"]
        padded = [f"# Part {n}\n\n{text}\n\n{others[n + OTHERS]}" for n, text in enumerate(texts)]
        for place, text in enumerate(["\n\n".join(padded)] if together else texts):
            book = await library.add(f"Source {number}-{place}", text, collection=name)
            false.append(book.document_id)
    return Poisoned(await library.collection(name), questions, frozenset(false))


async def ask(agent: Agent, library: Library, question: str, of: Poisoned) -> tuple[Answer, int]:
    """The answer, and how many passages its model was given; fails where a document owns them."""
    asked = Question(question, (of.collection,))
    events = [event async for event in agent.run(library.reader, asked)]
    last = events[-1]
    assert isinstance(last, AnswerFinished)
    given = [one.passages for one in events if isinstance(one, SourcesFound)]
    if not given:
        return last.answer, 0
    owned = Counter(one.document_id for one in given[-1])
    if agent.writer is not None:
        assert max(owned.values()) <= max(1, SHARE * len(given[-1])), (question, owned)
    shown = {one.document_id for one in given[-1]}
    assert {one.document_id for one in last.answer.citations} <= shown
    return last.answer, len(given[-1])


def judge(tally: Tally, question: str, model: Misled, answer: Answer, of: Poisoned) -> None:
    """What was used of a false text is cited as its own or doubted; nothing else vouches."""
    tally.asked += 1
    if not model.said:
        return
    tally.used += 1
    held = [one.document_id for one in answer.citations if one.verified]
    if any(one not in of.false for one in held):
        tally.broken.append(f"{question}: a true document vouches for {model.said!r}")
    if held:
        tally.cited += 1
    elif answer.doubts:
        tally.doubted += 1
    else:
        tally.broken.append(f"{question}: neither cited nor doubted: {model.said!r}")


@pytest.mark.parametrize("together", [False, True], ids=["alone", "in one document"])
async def test_a_false_text_that_was_used_is_cited_and_no_document_owns_what_a_model_reads(
    agents: tuple[Agent, Agent], library: Library, server: ChatServer, storm: bool,
    record_property: Counted, *, together: bool,
) -> None:  # fmt: skip
    quoting, writing = agents
    tally, quoted = Tally(), 0
    for name, questions in poisoned().items():
        chosen = questions if storm else questions[:SAMPLE]
        of = await poison(library, name, chosen, together=together)
        for one in chosen:
            for manner in MANNERS if storm else (MANNERS[tally.asked % len(MANNERS)],):
                server.answer = model = Misled(one["adv_texts"], one["incorrect answer"], manner)
                answer, _ = await ask(writing, library, one["question"], of)
                judge(tally, one["question"], model, answer, of)
            plain, _ = await ask(quoting, library, one["question"], of)
            quoted += any(one.document_id in of.false for one in plain.citations)
            assert all(one.verified for one in plain.citations)
    assert not tally.broken, "\n".join(tally.broken)
    # Else nothing was shown: false texts are written to be found.
    assert tally.used >= tally.asked / 2
    record_property("questions to a misled model", tally.asked)
    record_property("false text used", tally.used)
    record_property("used and cited", tally.cited)
    record_property("used and doubted", tally.doubted)
    record_property("quoted without a model and cited", quoted)
