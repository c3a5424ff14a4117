"""An agent that does what a test wrote down, and processes that carry its runs."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from ag_ui.core import Event as AgUiEvent
from pydantic import TypeAdapter

from citewell.agent.service import Agent
from citewell.chat.service import Chat
from citewell.domain.documents import TextKind
from citewell.domain.ids import ChunkId, CollectionId, DocumentId, RunId, VersionId, new_id
from citewell.domain.passages import Answer, Citation, Passage, Scores
from citewell.domain.principal import Principal
from citewell.domain.run_events import (
    AnswerFinished,
    Noticed,
    Question,
    RunEvent,
    SourcesFound,
    StepFinished,
    StepStarted,
    TextProduced,
)
from citewell.storage.database import Database
from citewell.storage.notifications import Notifications
from citewell.storage.repositories.conversing.run_log import RUNS_TOPIC
from citewell.telemetry.tasks import Tasks

SECONDS = 20.0
_EVENTS: TypeAdapter[Any] = TypeAdapter(AgUiEvent)


@dataclass(slots=True)
class Gate:
    """A place in a script where the agent waits."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait_reached(self) -> None:
        async with asyncio.timeout(SECONDS):
            await self.reached.wait()


Script = Sequence[RunEvent | Gate | Exception]


@dataclass(slots=True)
class Scripted:
    """Says the same script in every run, and counts how often it began and was closed."""

    script: Script
    began: int = 0
    closed: int = 0
    asked: list[Question] = field(default_factory=list)

    async def run(
        self, principal: Principal, question: Question, desk: object = None
    ) -> AsyncGenerator[RunEvent]:
        self.began += 1
        self.asked.append(question)
        try:
            for item in self.script:
                if isinstance(item, Gate):
                    item.reached.set()
                    await item.opened.wait()
                elif isinstance(item, Exception):
                    raise item
                else:
                    yield item
        finally:
            self.closed += 1


@asynccontextmanager
async def process(url: str, agent: object, *, tend_seconds: float = 0.2) -> AsyncIterator[Chat]:
    """What one server process has: a pool, a listener and a chat that looks after its runs."""
    database = Database.connect(url)
    tasks = Tasks()
    async with serving(database, agent, tasks, tend_seconds=tend_seconds) as chat:
        yield chat
    await database.close()


@asynccontextmanager
async def serving(
    database: Database, agent: object, tasks: Tasks, *, tend_seconds: float = 0.2
) -> AsyncIterator[Chat]:
    notifications = Notifications(database.url)
    chat = Chat(database, notifications, cast("Agent", agent), tasks, tend_seconds)
    tasks.start("notifications", notifications.run((RUNS_TOPIC,)))
    tasks.start("chat", chat.run())
    try:
        yield chat
    finally:
        await tasks.close()


async def follow(
    chat: Chat, principal: Principal, run_id: RunId, *, after: int = -1
) -> list[tuple[int, dict[str, Any]]]:
    """All that is left of a run, to its end."""
    async with asyncio.timeout(SECONDS):
        return [
            (number, dict(event))
            async for number, event in chat.events(principal, run_id, after=after)
        ]


async def ask(chat: Chat, principal: Principal) -> list[dict[str, Any]]:
    """A run from its start to its end."""
    run = await chat.start(principal, "What is it?", [])
    return [event for _, event in await follow(chat, principal, run.id)]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that announces itself to nobody; bounded."""

    async def asked() -> bool:
        return condition()

    await until_true(asked)


async def until_true(condition: Callable[[], Awaitable[bool]]) -> None:
    """As `until`, for a condition that has to be asked for."""
    deadline = time.monotonic() + SECONDS
    while True:
        if await condition():
            return
        assert time.monotonic() < deadline, "waited too long"
        await asyncio.sleep(0.005)


def passage(text: str = "The tower has seven doors.") -> Passage:
    return Passage(
        chunk_id=ChunkId(new_id()),
        document_id=DocumentId(new_id()),
        version_id=VersionId(new_id()),
        collection_id=CollectionId(new_id()),
        title="Towers",
        filename="towers.txt",
        text=text,
        start=10,
        end=10 + len(text),
        page=None,
        page_label="",
        headings=("Doors",),
        kind=TextKind.PROSE,
        language="en",
        ordinal=0,
        context="",
        scores=Scores(final=0.5, cosine=0.4),
    )


def answer(text: str, source: Passage | None = None) -> Answer:
    """An answer that cites `source` for all of its text."""
    cited = source or passage()
    citation = Citation(
        number=1,
        answer_start=0,
        answer_end=len(text),
        chunk_id=cited.chunk_id,
        document_id=cited.document_id,
        version_id=cited.version_id,
        start=cited.start,
        end=cited.end,
        quote=cited.text,
        title=cited.title,
        filename=cited.filename,
        page=cited.page,
        verified=True,
    )
    return Answer(text, (citation,), grounded=1.0, answered=True, confidence=0.9)


def story() -> list[RunEvent]:
    """A usual run."""
    found = passage()
    return [
        StepStarted("plan"),
        StepFinished("plan", 1.5, {"parts": 1}),
        StepStarted("retrieve"),
        StepFinished("retrieve", 2.5, {"passages": 1}),
        Noticed("degraded", "time_budget"),
        StepStarted("answer"),
        SourcesFound((found,)),
        TextProduced("The tower has "),
        TextProduced("seven doors. [1]"),
        StepFinished("answer", 3.0),
        StepStarted("verify"),
        StepFinished("verify", 1.0),
        AnswerFinished(answer("The tower has seven doors. [1]", found)),
    ]


def check_order(events: Sequence[dict[str, Any]]) -> None:
    """What AG-UI 1.0 asks of a whole run, read independently of the code that makes it."""
    for event in events:
        parsed = _EVENTS.validate_python(event)
        assert parsed.model_dump(mode="json", by_alias=True, exclude_none=True) == event
    types = [event["type"] for event in events]
    assert [t for t in types if t == "RUN_STARTED"] == types[:1]
    assert [t for t in types if t in {"RUN_FINISHED", "RUN_ERROR"}] == types[-1:]
    _check_steps(events)
    _check_messages(events)
    _check_tools(events)


def _check_steps(events: Sequence[dict[str, Any]]) -> None:
    steps: set[str] = set()
    seen: set[str] = set()
    for event in events:
        if event["type"] == "STEP_STARTED":
            assert event["stepName"] not in seen
            seen.add(event["stepName"])
            steps.add(event["stepName"])
        if event["type"] == "STEP_FINISHED":
            steps.remove(event["stepName"])
    assert not steps, "a step was left open"


def _check_messages(events: Sequence[dict[str, Any]]) -> None:
    spoken: set[str] = set()
    message = None
    for event in events:
        match event["type"]:
            case "TEXT_MESSAGE_START":
                assert message is None
                assert event["messageId"] not in spoken
                message = event["messageId"]
                spoken.add(message)
            case "TEXT_MESSAGE_CONTENT":
                assert event["messageId"] == message
                assert event["delta"]
            case "TEXT_MESSAGE_END":
                assert event["messageId"] == message
                message = None
    assert message is None, "a message was left open"


def _check_tools(events: Sequence[dict[str, Any]]) -> None:
    """Each call begins, has its arguments, ends, and has one result at most, in this order."""
    stages = ["TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END", "TOOL_CALL_RESULT"]
    seen: dict[str, list[str]] = {}
    for event in events:
        if event["type"] in stages:
            seen.setdefault(event["toolCallId"], []).append(event["type"])
    assert all(one in (stages, stages[:3]) for one in seen.values()), seen
