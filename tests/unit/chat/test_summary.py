"""A long conversation in short: a line for every turn beyond the last ones, within a bound."""

from citewell.chat.conversations import Conversations
from citewell.chat.memory import MOST_TURNS
from citewell.chat.summary import MOST_SUMMARY, folded
from citewell.domain.conversations import Exchange
from citewell.domain.principal import Principal
from citewell.domain.run_events import AnswerFinished, TextProduced
from citewell.storage.database import Database
from tests.unit.chat.scripted import Scripted, answer, process

SAID = "It has seven doors."


def test_a_turn_is_its_question_and_the_first_sentence_of_its_answer() -> None:
    turn = Exchange("How many doors?", "It has seven. [1] They are red. [2]", answered=True)
    assert folded("", [turn]) == "- How many doors? → It has seven."


def test_a_refusal_is_its_question_alone() -> None:
    assert folded("- A?", [Exchange("B?", "The documents do not say.")]) == "- A?\n- B?"


def test_of_the_oldest_turns_less_is_kept_and_of_the_newest_everything() -> None:
    summary = ""
    for number in range(200):
        turn = Exchange(f"Question {number}?", f"Answer {number} is this.", answered=True)
        summary = folded(summary, [turn])
        assert len(summary) <= MOST_SUMMARY
    lines = summary.splitlines()
    assert lines[-1] == "- Question 199? → Answer 199 is this."
    assert "→" not in lines[0]
    assert "Question 0?" not in summary


def test_what_somebody_wrote_cannot_look_like_another_line() -> None:
    turn = Exchange("A → B?\n- C?", "One.\nTwo.", answered=True)
    assert folded("", [turn]) == "- A B? - C? → One."


async def test_what_leaves_the_last_turns_goes_into_the_summary_and_stays_there(
    postgres_url: str, database: Database, asker: Principal
) -> None:
    agent = Scripted([TextProduced(SAID), AnswerFinished(answer(SAID))])
    turns = MOST_TURNS + 3
    async with process(postgres_url, agent) as chat:
        first, _ = await chat.answer(asker, "Question 0?", [])
        within = first.conversation_id
        for number in range(1, turns):
            await chat.answer(asker, f"Question {number}?", [], conversation_id=within)
    told = [one.remembered for one in agent.asked]
    assert told[MOST_TURNS].summary == ""
    assert told[MOST_TURNS + 1].summary == f"- Question 0? → {SAID}"
    assert told[-1].summary.splitlines() == [f"- Question {n}? → {SAID}" for n in range(2)]
    assert [one.question for one in told[-1].turns] == [f"Question {n}?" for n in range(2, 8)]
    shown = await Conversations(database).context(asker, within)
    assert len(shown.remembered.summary.splitlines()) == 3
    again = await Conversations(database).context(asker, within)
    assert again.remembered == shown.remembered, "showing it changes nothing"
