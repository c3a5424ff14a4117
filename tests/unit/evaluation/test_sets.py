"""Golden sets: read whole, or refused by the name of what is missing."""

import json
from pathlib import Path

import pytest

from citewell.domain.errors import InvalidError
from citewell.evaluation.sets import load

FILES = ("corpus.jsonl", "queries.jsonl", "qrels.tsv")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set of three documents and three questions, one of them without a judgement."""
    corpus = [
        {"id": 1, "title": "One", "text": "First\u2028text"},
        {"id": "2", "text": "Second"},
        {"id": "3", "title": "Three", "text": "Third"},
    ]
    queries: list[dict[str, object]] = [
        {"id": "q1", "text": "First?", "answers": ["one", "1"], "evidence": [["1", 2], ["3"]]},
        {"id": "q2", "text": "Second?", "n_correct": 7},
        {"id": "q3", "text": "Unjudged?"},
    ]
    made = tmp_path / "small"
    made.mkdir()
    for name, rows in (("corpus", corpus), ("queries", queries)):
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        (made / f"{name}.jsonl").write_text("\n".join([*lines, ""]), "utf-8")
    (made / "qrels.tsv").write_text("q1\t1\t2\nq1\t2\t0\nq2\t2\t1\nq2\t3\t1\nq3\t1\t0\n", "utf-8")
    return made


def test_a_set_is_its_corpus_and_its_judged_questions(folder: Path) -> None:
    found = load(folder)
    assert found.name == "small"
    assert [(r.id, r.title, r.text) for r in found.records] == [
        ("1", "One", "First\u2028text"),
        ("2", "", "Second"),
        ("3", "Three", "Third"),
    ]
    first, second = found.questions
    assert (first.id, first.relevant, first.answers, first.correct) == (
        "q1",
        {"1": 2},
        ("one", "1"),
        1,
    )
    assert (first.evidence, second.evidence) == ((("1", "2"), ("3",)), ())
    assert (second.relevant, second.answers, second.correct) == ({"2": 1, "3": 1}, (), 7)


def test_a_grade_of_zero_is_no_judgement(folder: Path) -> None:
    found = load(folder)
    assert "q3" not in {question.id for question in found.questions}
    assert all(grade > 0 for question in found.questions for grade in question.relevant.values())


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InvalidError) as refused:
        load(folder)
    assert str(folder / name) in refused.value.message
    assert refused.value.hint


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="nowhere"):
        load(tmp_path / "nowhere")
