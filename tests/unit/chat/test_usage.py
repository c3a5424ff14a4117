"""The last event of a run says what its models have cost."""

from citewell.chat.narration import Ending, Narration
from citewell.domain.ids import ConversationId, RunId, new_id
from citewell.domain.run_events import StepFinished, StepStarted
from citewell.domain.runs.states import RunState

CONVERSATION, RUN = ConversationId(new_id()), RunId(new_id())


def told(*details: dict[str, float | int | str]) -> Narration:
    narration = Narration(RUN)
    for number, one in enumerate(details):
        narration.tell(StepStarted(f"answer#{number}"))
        narration.tell(StepFinished(f"answer#{number}", 1.0, one))
    return narration


def test_models_are_summed_by_name() -> None:
    narration = told(
        {"model": "openai:gpt-4o-mini", "tokens_in": 100, "tokens_out": 20, "cost": 0.01},
        {"model": "openai:gpt-4o-mini", "tokens_in": 50, "tokens_out": 5, "cost": 0.002},
        {"model": "ollama:llama3.1:8b", "tokens_in": 7, "tokens_out": 3},
        {"sentences": 3},
    )
    for state, kind in ((RunState.FINISHED, "RUN_FINISHED"), (RunState.FAILED, "RUN_ERROR")):
        ending = (
            Ending(state, "unavailable", "No.", "Wait.") if kind == "RUN_ERROR" else Ending(state)
        )
        last = ending.terminal(CONVERSATION, RUN, narration.usage)
        assert last["type"] == kind
        assert last["usage"] == [
            {
                "provider": "openai",
                "model": "gpt-4o-mini",
                "inputTokens": 150,
                "outputTokens": 25,
                "totalTokens": 175,
            },
            {
                "provider": "ollama",
                "model": "llama3.1:8b",
                "inputTokens": 7,
                "outputTokens": 3,
                "totalTokens": 10,
            },
        ]
        assert last["metadata"]["rag"]["cost"] == 0.012


def test_without_a_model_nothing_is_said_of_cost() -> None:
    last = Ending(RunState.FINISHED).terminal(CONVERSATION, RUN, told({"sentences": 3}).usage)
    assert "usage" not in last
    assert "metadata" not in last


def test_what_no_sum_can_be_made_of_counts_as_nothing() -> None:
    narration = told(
        {"model": "m", "tokens_in": -5, "tokens_out": "many", "cost": float("nan")}, {"model": 7}
    )
    last = Ending(RunState.CANCELLED).terminal(CONVERSATION, RUN, narration.usage)
    assert last["usage"] == [{"model": "m", "inputTokens": 0, "outputTokens": 0, "totalTokens": 0}]


def test_a_detail_may_have_any_name() -> None:
    narration = Narration(RUN)
    narration.tell(StepStarted("answer"))
    (event,) = narration.tell(StepFinished("answer", 1.0, {"\udc00": 1}))
    assert event["metadata"]["rag"]["\ufffd"] == 1
