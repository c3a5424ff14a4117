"""Telling languages apart, measured on the parallel passages of XQuAD."""

import json
from pathlib import Path

import pytest

from citewell.index.languages import detect_language

QUALITY = Path(__file__).parents[3] / ".." / "shared" / "data" / "quality"
LANGUAGES = ("en", "de", "ar", "hi", "zh")


def texts(language: str, file: str) -> list[str]:
    path = QUALITY / f"xquad_{language}" / f"{file}.jsonl"
    assert path.exists(), f"the test data {path} is missing"
    return [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("language", LANGUAGES)
def test_ninety_five_of_a_hundred_passages_are_told_right(language: str) -> None:
    found = [detect_language(text) for text in texts(language, "corpus")]
    assert len(found) >= 200
    assert found.count(language) / len(found) >= 0.95


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_short_question_is_told_right_when_its_collection_is_known(language: str) -> None:
    questions = texts(language, "queries")
    found = [detect_language(text, among={language}) for text in questions]
    assert found.count(language) / len(found) >= 0.99


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Τι είναι αυτό;", "el"),
        ("Что это такое?", "ru"),
        ("これは日本語の文章です", "ja"),
        ("이것은 한국어 문장입니다", "ko"),
        ("นี่คือภาษาไทย", "th"),
        ("זה משפט בעברית", "he"),
        ("இது தமிழ் வாக்கியம்", "ta"),
        ("Où est la bibliothèque de la ville?", "fr"),
        ("¿Dónde está la biblioteca de la ciudad?", "es"),
        ("Dov'è la biblioteca della città?", "it"),
        ("Onde fica a biblioteca da cidade?", "pt"),
        ("Waar is de bibliotheek van de stad?", "nl"),
        ("Gdzie jest biblioteka i czy to jest daleko?", "pl"),
    ],
)
def test_one_sentence_is_often_enough(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize("text", ["", "12345", "xyzzy plugh", "👋", "\ud800"])
def test_without_evidence_nothing_is_claimed(text: str) -> None:
    assert detect_language(text) == ""
    assert detect_language(text, among={"de"}) == "de"


def test_a_term_of_another_script_does_not_decide() -> None:
    text = "The word 東京 means the eastern capital and it is written with two characters."
    assert detect_language(text) == "en"
    assert (
        detect_language("東京は the capital です。日本の首都であり、世界最大の都市の一つです。")
        == "ja"
    )
