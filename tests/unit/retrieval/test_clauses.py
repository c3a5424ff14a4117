"""A long question is looked for clause by clause, a short one as it is."""

import pytest

from citewell.retrieval.clauses import LEAST, MOST, clauses_of

SEVERAL = (
    "Which company, reported by a technology magazine, has lost an antitrust case over search"
    " defaults, while a newspaper accuses it of harming news publishers' revenue?"
)


def said_apart(question: str, language: str = "en") -> tuple[str, ...]:
    return tuple(question[start:end] for start, end in clauses_of(question, language))


def test_what_is_said_apart_is_found_apart() -> None:
    clauses = said_apart(SEVERAL)
    assert any("antitrust case" in clause and "newspaper" not in clause for clause in clauses)
    assert any("newspaper" in clause and "antitrust" not in clause for clause in clauses)


@pytest.mark.parametrize(
    "question",
    [
        "",
        "Where did Super Bowl 50 take place?",
        "What is the difference between salt and pepper?",
        "Who wrote it, and when?",
        "was?",
    ],
)
def test_one_thought_has_no_clauses(question: str) -> None:
    assert clauses_of(question, "en") == ()


def test_and_before_a_question_word_begins_a_clause() -> None:
    assert said_apart(
        "Which provider makes embeddings for special domains and what capabilities does this"
        " provider offer customers?",
    ) == (
        "Which provider makes embeddings for special domains",
        "what capabilities does this provider offer customers?",
    )


def test_a_short_piece_stays_with_its_neighbour() -> None:
    clauses = said_apart(f"In May, {SEVERAL[0].lower()}{SEVERAL[1:]}")
    assert clauses[0].startswith("In May, which company")
    assert all(len(clause.split()) >= LEAST for clause in clauses)


def test_a_list_of_too_many_things_is_looked_for_as_a_whole() -> None:
    one = "the northern region reported record annual sales figures"
    assert said_apart("; ".join([one] * MOST)) == (one,) * MOST
    assert clauses_of("; ".join([one] * (MOST + 1)), "en") == ()


def test_clauses_keep_every_word_of_the_question() -> None:
    said = " ".join(said_apart(SEVERAL)).replace(",", "").split()
    kept = set(said)
    assert {"company", "antitrust", "defaults", "newspaper", "revenue?"} <= kept
