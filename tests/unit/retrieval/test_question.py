"""What a question is to a collection: analysed as its texts were, weighed as it can be trusted."""

import pytest

from citewell.domain.documents import TextKind
from citewell.index.analyzer import analyze
from citewell.retrieval.links import titles_of
from citewell.retrieval.question import Asked, ask
from citewell.retrieval.views import Profile

ENGLISH = frozenset({"en"})


def holding(kinds: dict[str, int] | None = None, **languages: int) -> Profile:
    return Profile(languages, kinds or {"prose": sum(languages.values())}, titles_of({}))


def in_code(text: str) -> Asked:
    return ask(text, holding({"code": 9, "markdown": 1}, en=1), ENGLISH)


def test_a_short_question_is_taken_to_be_in_the_language_of_the_collection() -> None:
    assert ask("Verfassung", holding(de=100), ENGLISH).language == "de"
    assert ask("capital France", holding(en=100), ENGLISH).language == "en"
    assert ask("capital France", holding(), ENGLISH).language == ""


def test_a_question_chooses_among_the_languages_that_the_collection_holds() -> None:
    mixed = holding(en=60, de=40)
    assert ask("Wann wurde das Gericht gegründet?", mixed, ENGLISH).language == "de"
    assert ask("When was the court founded?", mixed, ENGLISH).language == "en"


def test_a_stray_document_does_not_make_short_questions_ambiguous() -> None:
    assert ask("die Frau", holding(en=1000, de=1), ENGLISH).language == "en"


def test_a_question_in_a_script_is_in_its_language_whatever_the_collection_holds() -> None:
    assert ask("什么是首都", holding(en=100), ENGLISH).language == "zh"
    assert ask("राजधानी क्या है", holding(en=100), ENGLISH).language == "hi"


def test_a_question_has_the_terms_that_its_texts_have() -> None:
    asked = ask("Where were the treaties signed?", holding(en=9), ENGLISH)
    text = analyze("The treaty was signed in Vienna.", language="en")
    assert set(asked.terms.body) == {"treati", "sign"}
    assert set(asked.terms.body) <= set(text)


def test_meaning_counts_less_where_the_model_was_not_trained() -> None:
    known = ask("When was the court founded?", holding(en=9), ENGLISH).weight
    latin = ask("Wann wurde das Gericht gegründet?", holding(de=9), ENGLISH).weight
    script = ask("什么是首都", holding(zh=9), ENGLISH).weight
    assert 1 > known > latin > script == 0


def test_a_model_for_every_language_is_trusted_in_every_language() -> None:
    everywhere: frozenset[str] = frozenset()
    weights = {
        ask(text, profile, everywhere).weight
        for text, profile in (
            ("When was the court founded?", holding(en=9)),
            ("Wann wurde das Gericht gegründet?", holding(de=9)),
            ("什么是首都", holding(zh=9)),
        )
    }
    assert len(weights) == 1


def test_a_question_that_is_a_name_trusts_words_more_than_one_that_is_a_sentence() -> None:
    plain = ask("When was the court founded?", holding(en=9), ENGLISH).weight
    assert in_code("getUserName").weight < plain
    assert ask("max_retry_count", holding(en=9), ENGLISH).weight < plain
    assert in_code("getUserName").weight < in_code("how are failed requests retried").weight


@pytest.mark.parametrize(
    ("kinds", "is_code"),
    [
        ({"code": 6, "prose": 4}, True),
        ({"code": 4, "prose": 6}, False),
        ({"code": 5, "markdown": 5}, False),
        ({}, False),
    ],
)
def test_a_collection_is_code_when_most_of_it_is(kinds: dict[str, int], is_code: bool) -> None:
    asked = ask("what is it", holding(kinds, en=1), ENGLISH)
    assert (asked.kind is TextKind.CODE) is is_code


def test_the_parts_of_a_name_are_hints_in_prose_and_terms_in_code() -> None:
    prose = ask("what does getUserName return", holding(en=9), ENGLISH)
    assert "getusernam" in prose.terms.body
    assert {"get", "user"} <= set(prose.terms.parts)
    assert not {"get", "user"} & set(prose.terms.body)
    code = in_code("what does getUserName return")
    assert {"user", "getusernam"} <= set(code.terms.body)
    assert not code.terms.parts


@pytest.mark.parametrize("text", ["?", "...", "\u200b", "🙂", "a" * 5000])
def test_a_question_without_words_can_be_asked(text: str) -> None:
    asked = ask(text, holding(en=9), ENGLISH)
    assert list(asked.terms.body) == []
    assert 0 <= asked.weight <= 1
