"""Questions inside a question: divided only when each can be asked alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.agent.splitting import MAX_PARTS, parts_of

DIVIDED = {
    "Who built the tower and when was the bridge opened?": (
        "Who built the tower",
        "when was the bridge opened?",
    ),
    "Where is the archive? Who may read the files?": (
        "Where is the archive?",
        "Who may read the files?",
    ),
    "Wer baute den Turm und wann wurde die Brücke eröffnet?": (
        "Wer baute den Turm",
        "wann wurde die Brücke eröffnet?",
    ),
}


@pytest.mark.parametrize(("question", "parts"), DIVIDED.items(), ids=range(len(DIVIDED)))
def test_questions_that_are_joined_are_asked_one_by_one(
    question: str, parts: tuple[str, ...]
) -> None:
    assert parts_of(question) == parts


@pytest.mark.parametrize(
    "question",
    [
        "Who built the tower?",
        "What do salt and pepper cost?",
        "When did the war between France and Prussia begin?",
        "Who is Ada Lovelace and how old was she?",
        "Who wrote it and why?",
        "Tell me about bread",
        "",
        "?",
    ],
)
def test_a_question_that_cannot_be_divided_stays_whole(question: str) -> None:
    assert parts_of(f"  {question} ") == (question,)


@pytest.mark.parametrize(
    "question",
    [
        "What is the difference between the red team and the blue team?",
        "What are the differences between the red team and the blue team",
        "Compare the red team with the blue team.",
        "How does the red team compare to the blue team?",
    ],
)
def test_a_comparison_asks_for_itself_and_for_both_sides(question: str) -> None:
    whole, *sides = parts_of(question)
    if "How does" in question:
        # Said this way it is asked as it stands.
        assert (whole, sides) == (question, [])
        return
    assert whole == question
    assert ["red team" in side for side in sides] == [True, False]
    assert ["blue team" in side for side in sides] == [False, True]


def test_too_many_questions_at_once_are_asked_as_one() -> None:
    one = "Where is the red archive? "
    assert len(parts_of(one * MAX_PARTS)) == MAX_PARTS
    assert parts_of(one * (MAX_PARTS + 1)) == ((one * (MAX_PARTS + 1)).strip(),)


@given(question=st.text(max_size=200) | st.lists(
    st.sampled_from(["who", "was", " ", "and ", "how ", "x", "?", "? ", "compare ", ", "]),
    max_size=40).map("".join))  # fmt: skip
def test_any_text_is_between_one_question_and_the_most_and_its_parts_are_its_own(
    question: str,
) -> None:
    parts = parts_of(question)
    assert 1 <= len(parts) <= max(3, MAX_PARTS)
    for part in parts:
        assert part.removeprefix("What is ").rstrip("?") in question
