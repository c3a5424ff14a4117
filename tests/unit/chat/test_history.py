"""What the next question of a conversation is asked with: the last turns, within bounds."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from citewell.chat.history import exchanges
from citewell.chat.memory import (
    MOST_CHARACTERS,
    MOST_OF_AN_ANSWER,
    MOST_TURNS,
    LastTurns,
    Summary,
    memory_named,
)
from citewell.domain.conversations import Exchange, Message
from citewell.domain.errors import StartError
from citewell.domain.ids import MessageId, RunId, new_id


def turns_of(said: Sequence[Message]) -> tuple[Exchange, ...]:
    return LastTurns().chosen(exchanges(said)[-MOST_TURNS:])


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def turn(question: str, answer: str | None) -> list[Message]:
    run = RunId(new_id())
    said = [Message(MessageId(new_id()), run, "user", question, None, None, False, NOW)]
    if answer is not None:
        said.append(Message(MessageId(new_id()), run, "assistant", answer, 1.0, True, False, NOW))
    return said


def test_the_last_turns_are_kept_the_oldest_first() -> None:
    said = [one for n in range(MOST_TURNS + 3) for one in turn(f"Question {n}?", f"Answer {n}.")]
    kept = turns_of(said)
    assert [one.question for one in kept] == [f"Question {n}?" for n in range(3, MOST_TURNS + 3)]
    assert kept[-1] == Exchange(f"Question {MOST_TURNS + 2}?", f"Answer {MOST_TURNS + 2}.", True)


def test_a_question_that_is_still_being_answered_has_no_answer_yet() -> None:
    assert turns_of(turn("And now?", None)) == (Exchange("And now?"),)


def test_an_answer_without_its_question_is_left_out() -> None:
    assert turns_of(turn("Why?", "Because.")[1:]) == ()


def test_two_questions_at_the_same_time_keep_their_own_answers() -> None:
    (a, to_a), (b, to_b) = turn("A?", "a"), turn("B?", "b")
    kept = turns_of([a, b, to_b, to_a])
    assert [(one.question, one.answer) for one in kept] == [("A?", "a"), ("B?", "b")]


def test_long_answers_are_cut_and_old_turns_left_out_for_the_new_ones() -> None:
    said = [one for n in range(MOST_TURNS) for one in turn(f"Q{n}?", "word " * 2000)]
    kept = turns_of(said)
    assert all(len(one.answer) == MOST_OF_AN_ANSWER for one in kept)
    assert sum(len(one.question) + len(one.answer) for one in kept) <= MOST_CHARACTERS
    assert kept[-1].question == f"Q{MOST_TURNS - 1}?"
    assert len(kept) < MOST_TURNS


def test_a_single_turn_that_does_not_fit_is_no_history() -> None:
    assert turns_of(turn("x" * (MOST_CHARACTERS + 1), "yes")) == ()


def test_a_memory_is_known_by_its_name() -> None:
    turns = [Exchange("Why?", "Because.", answered=True)]
    assert memory_named("summary") == Summary()
    assert memory_named("turns").summed("- Who?", turns) == ""
    own = memory_named("tests.unit.chat.test_history:Questions")
    assert own.summed("", turns) == "Why?"


@pytest.mark.parametrize(
    "name", ["", "nothing", "nothing:here", "citewell.chat.memory:Nothing", "builtins:object"]
)
def test_a_memory_that_nobody_has_written_stops_the_start(name: str) -> None:
    with pytest.raises(StartError, match="CITEWELL_MEMORY"):
        memory_named(name)


class Questions(LastTurns):
    """A memory of somebody's own: the questions alone."""

    def summed(self, summary: str, turns: Sequence[Exchange]) -> str:
        return "\n".join(filter(None, [summary, *(turn.question for turn in turns)]))
