"""Whatever an agent does, its run is a sentence with an end."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citewell.chat.narration import Narration
from citewell.domain.errors import UpstreamError
from citewell.domain.ids import RunId, new_id
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
    ToolCalled,
    ToolReturned,
)
from citewell.domain.runs.states import RunState
from tests.unit.chat.scripted import (
    Gate,
    Script,
    Scripted,
    answer,
    ask,
    check_order,
    follow,
    passage,
    process,
    story,
)

NAMES = st.sampled_from(["plan", "retrieve", "retrieve#2", "answer"])
TEXTS = st.text(alphabet=st.characters(codec=None), max_size=300)
STEPS: st.SearchStrategy[RunEvent] = st.one_of(
    st.builds(StepStarted, NAMES),
    st.builds(
        StepFinished,
        NAMES,
        st.floats(),
        st.dictionaries(TEXTS, st.one_of(st.floats(), st.integers(-(2**53), 2**53), TEXTS)),
    ),
    st.builds(SourcesFound, st.builds(lambda text: (passage(text),), TEXTS)),
    st.builds(Noticed, TEXTS, TEXTS),
    st.builds(TextProduced, TEXTS),
    st.builds(ToolCalled, NAMES, TEXTS, TEXTS.filter(bool)),
    st.builds(ToolReturned, NAMES, TEXTS, st.booleans()),
    st.builds(lambda text: AnswerFinished(answer(text)), TEXTS),
)
ENDS = st.sampled_from(["finish", "upstream", "bug", "cancel"])


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    print_blob=True,
)
@given(script=st.lists(STEPS, max_size=25), end=ENDS)
async def test_any_agent_makes_a_dense_well_formed_log_with_one_end(
    postgres_url: str, asker: Principal, script: list[RunEvent], end: str
) -> None:
    gate = Gate()
    ends: dict[str, Script] = {
        "finish": [],
        "upstream": [UpstreamError("The model is gone.")],
        "bug": [ZeroDivisionError("secret detail")],
        "cancel": [gate],
    }
    async with process(postgres_url, Scripted([*script, *ends[end]])) as chat:
        run = await chat.start(asker, "What?", [])
        if end == "cancel":
            await gate.wait_reached()
            await chat.cancel(asker, run.id)
        numbered = await follow(chat, asker, run.id)
        ended = await chat.get(asker, run.id)
    events = [event for _, event in numbered]
    check_order(events)
    assert [number for number, _ in numbered] == list(range(len(events)))
    assert ended.head == len(events) - 1
    answered = any(isinstance(event, AnswerFinished) for event in script)
    states = {"finish": RunState.FINISHED if answered else RunState.FAILED}
    states |= {"upstream": RunState.FAILED, "bug": RunState.FAILED, "cancel": RunState.CANCELLED}
    assert ended.state is states[end]
    assert "secret detail" not in str(events)


async def test_an_error_at_any_point_closes_what_is_open(
    postgres_url: str, asker: Principal
) -> None:
    usual = story()
    for place in range(len(usual)):
        script = [*usual[:place], UpstreamError("The model is gone.", hint="Start it.")]
        async with process(postgres_url, Scripted(script)) as chat:
            events = await ask(chat, asker)
        check_order(events)
        assert events[-1]["type"] == "RUN_ERROR"
        assert events[-1]["code"] == "upstream"
        assert events[-1]["message"] == "The model is gone."
        assert events[-1]["metadata"]["rag"] == {"hint": "Start it.", "retryable": True}


async def test_a_cancel_at_any_point_closes_what_is_open_and_stops_the_agent(
    postgres_url: str, asker: Principal
) -> None:
    usual = story()
    for place in range(len(usual) + 1):
        gate = Gate()
        agent = Scripted([*usual[:place], gate, *usual[place:]])
        async with process(postgres_url, agent) as chat:
            run = await chat.start(asker, "What?", [])
            await gate.wait_reached()
            await chat.cancel(asker, run.id)
            events = [event for _, event in await follow(chat, asker, run.id)]
            assert agent.closed == 1
        check_order(events)
        assert events[-1]["type"] == "RUN_FINISHED"
        assert events[-1]["outcome"] == {"type": "cancelled"}


async def test_a_usual_run_reads_as_it_was_told(postgres_url: str, asker: Principal) -> None:
    async with process(postgres_url, Scripted(story())) as chat:
        events = await ask(chat, asker)
    check_order(events)
    assert [event["type"] for event in events] == [
        "RUN_STARTED",
        "STEP_STARTED",
        "STEP_FINISHED",
        "STEP_STARTED",
        "STEP_FINISHED",
        "CUSTOM",
        "STEP_STARTED",
        "ACTIVITY_SNAPSHOT",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "STEP_FINISHED",
        "STEP_STARTED",
        "STEP_FINISHED",
        "TEXT_MESSAGE_END",
        "RUN_FINISHED",
    ]
    by_type = {event["type"]: event for event in events}
    assert by_type["RUN_STARTED"]["protocolVersion"] == "1.0"
    assert by_type["CUSTOM"]["name"] == "rag.notice"
    assert by_type["CUSTOM"]["value"] == {"kind": "degraded", "message": "time_budget"}
    [source] = by_type["ACTIVITY_SNAPSHOT"]["content"]["sources"]
    assert by_type["ACTIVITY_SNAPSHOT"]["activityType"] == "rag.sources"
    assert source["n"] == 1
    assert source["scores"] == {"final": 0.5, "cosine": 0.4}
    assert source["page"] is None
    retrieved = next(e for e in events if e["type"] == "STEP_FINISHED" and "passages" in str(e))
    assert retrieved["metadata"]["rag"] == {
        "node": "retrieve",
        "kind": "retrieval",
        "ms": 2.5,
        "passages": 1,
    }
    rag = by_type["TEXT_MESSAGE_END"]["metadata"]["rag"]
    [citation] = rag["citations"]
    assert citation["passage_id"] == source["passage_id"]
    assert citation["answer"] == [0, 30]
    assert rag["grounded"] == 1.0
    assert by_type["RUN_FINISHED"]["outcome"] == {"type": "success"}


async def test_an_agent_that_ends_without_an_answer_has_failed(
    postgres_url: str, asker: Principal
) -> None:
    async with process(postgres_url, Scripted([TextProduced("Well")])) as chat:
        events = await ask(chat, asker)
    check_order(events)
    assert events[-1]["code"] == "internal"


async def test_an_agent_that_forgets_its_cancellation_is_stopped_at_its_next_word(
    postgres_url: str, asker: Principal
) -> None:
    gate = Gate()

    class Deaf(Scripted):
        async def run(
            self, principal: Principal, question: Question, desk: object = None
        ) -> AsyncGenerator[RunEvent]:
            try:
                await _hear(gate)
                yield TextProduced("I did not listen")
            finally:
                self.closed += 1

    agent = Deaf([])
    async with process(postgres_url, agent) as chat:
        run = await chat.start(asker, "What?", [])
        await gate.wait_reached()
        await chat.cancel(asker, run.id)
        events = [event for _, event in await follow(chat, asker, run.id)]
    check_order(events)
    assert agent.closed == 1
    assert events[-1]["outcome"] == {"type": "cancelled"}
    assert "listen" not in str(events)


async def test_a_call_of_a_tool_is_told_whole_and_its_result_once(
    postgres_url: str, asker: Principal
) -> None:
    called = ToolCalled("call-1", "calculator", '{"expression": "3 + 4"}')
    returned = ToolReturned("call-1", "3 + 4 = 7", failed=False)
    cut_off = ToolCalled("call-2", "search", "{}")
    script: Script = [called, called, returned, returned, cut_off, AnswerFinished(answer("7"))]
    async with process(postgres_url, Scripted(script)) as chat:
        events = await ask(chat, asker)
    check_order(events)
    told = [event for event in events if event["type"].startswith("TOOL_CALL")]
    stages = ["TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END"]
    assert [one["type"] for one in told] == [*stages, "TOOL_CALL_RESULT", *stages]
    assert told[0]["toolCallName"] == "calculator"
    assert told[1]["delta"] == called.arguments
    assert (told[3]["content"], told[3]["metadata"]["rag"]) == ("3 + 4 = 7", {"failed": False})


def test_text_that_differs_from_the_answer_is_replaced_by_it() -> None:
    run_id = RunId(new_id())
    narration = Narration(run_id)
    told = narration.tell(TextProduced("Something else"))
    told += narration.tell(AnswerFinished(answer("The answer.")))
    types = [event["type"] for event in told]
    assert types == [
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
    ]
    assert told[2]["metadata"]["rag"] == {"partial": True}
    assert told[4]["delta"] == "The answer."
    assert narration.open.text == "The answer."


@pytest.mark.parametrize("cut", range(len("The answer.") + 1))
def test_what_the_agent_did_not_say_of_its_answer_is_added(cut: int) -> None:
    narration = Narration(RunId(new_id()))
    narration.tell(TextProduced("The answer."[:cut]))
    told = narration.tell(AnswerFinished(answer("The answer.")))
    assert narration.open.text == "The answer."
    assert told[-1]["type"] == "TEXT_MESSAGE_END"


async def _hear(gate: Gate) -> None:
    gate.reached.set()
    try:
        await gate.opened.wait()
    except asyncio.CancelledError:
        return
