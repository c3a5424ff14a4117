"""The analyzer: what somebody types is what somebody wrote, in every script."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.domain.documents import TextKind
from citewell.index.analyzer import MAX_WORD, analyze, is_identifier_like


def test_words_are_stemmed_for_their_language_and_keep_their_order() -> None:
    assert analyze("Running dogs run", language="en") == ["run", "dog", "run"]
    assert analyze("les chevaux", language="fr") == ["le", "cheval"]
    assert analyze("Running dogs", language="xx") == ["running", "dogs"]


def test_case_and_punctuation_make_no_difference() -> None:
    assert analyze("«Hello», WORLD!") == analyze("hello world") == ["hello", "world"]


@pytest.mark.parametrize("text", ["", " \n\t", "?!…—", "👋🏽 🎉", "\x00", "\ud800"])
def test_a_text_without_words_has_no_terms(text: str) -> None:
    assert analyze(text) == []
    assert analyze(text, question=True) == []


def test_marks_stay_with_their_letters() -> None:
    assert analyze("किताब पढ़ना") == ["किताब", "पढ़ना"]
    assert analyze("كِتَاب") == [unicodedata.normalize("NFKC", "كِتَاب")]
    assert analyze("שָׁלוֹם עולם")[0] == unicodedata.normalize("NFKC", "שָׁלוֹם")


def test_the_full_stop_of_india_ends_a_word() -> None:
    assert analyze("यह घर है।") == analyze("यह घर है")
    assert "है" in analyze("यह घर है॥")


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("Ame\u0301lie", "Amélie"),
        ("\ufb01nance of\ufb01ce", "finance office"),
        ("ＡＢＣ１２３", "abc123"),
        ("\ufee3\ufe8e\ufede", "\u0645\u0627\u0644"),
        ("infor\u00admation", "information"),
        ("zero\u200bwidth", "zerowidth"),
        ("x²", "x2"),
    ],
    ids=["accent", "ligature", "wide", "presentation form", "soft hyphen", "zero width", "power"],
)
def test_what_a_pdf_spells_oddly_is_found_as_it_is_typed(written: str, typed: str) -> None:
    assert analyze(written) == analyze(typed)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("東京都", ["東京", "京都"]),
        ("東", ["東"]),
        ("東京タワーはabc123高い", ["東京", "京タ", "タワ", "ワー", "ーは", "abc123", "高い"]),
        ("東京，大阪", ["東京", "大阪"]),
        ("สวัสดี", ["สว", "วั", "ัส", "สด", "ดี"]),
        ("한국어 책", ["한국", "국어", "책"]),
        ("\U00020000\U00020001", ["\U00020000\U00020001"]),
    ],
)
def test_scripts_without_spaces_become_bigrams(text: str, terms: list[str]) -> None:
    assert analyze(text) == terms


def test_a_long_run_without_spaces_is_found_in_every_part() -> None:
    run = "這是一個沒有標點符號的長句子" * 20
    assert len(run) > MAX_WORD
    assert analyze(run) == [run[i : i + 2] for i in range(len(run) - 1)]


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("getUserName", ["getusername", "get", "user", "name"]),
        ("HTTPServer", ["httpserver", "http", "server"]),
        ("max_retry_count", ["max_retry_count", "max", "retry", "count"]),
        ("parse_HTTPHeader2", ["parse_httpheader2", "parse", "http", "header2"]),
        ("__init__", ["__init__", "init"]),
        ("snake", ["snake"]),
        ("CITEWELL_HOME", ["citewell_home", "citewell", "home"]),
    ],
)
def test_an_identifier_is_found_whole_and_in_parts(name: str, terms: list[str]) -> None:
    assert analyze(name, language="xx") == terms


def test_a_question_about_code_finds_the_code_that_it_names() -> None:
    code = set(analyze("def getUserName(self): return self._name", kind=TextKind.CODE))
    for asked in ("getUserName", "get user names", "GETUSERNAME", "_name"):
        assert set(analyze(asked, kind=TextKind.CODE, question=True)) <= code, asked


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("getUserName", True),
        ("max_retry_count", True),
        ("what does getUserName return", False),
        ("E1234", True),
        ("hello world", False),
        ("_ __", False),
        ("", False),
    ],
)
def test_a_question_that_is_a_name_is_told_from_a_sentence(text: str, is_one: bool) -> None:
    assert is_identifier_like(text) is is_one


def test_a_german_compound_is_found_by_its_parts() -> None:
    text = set(analyze("Das Bundesverfassungsgericht entschied", language="de"))
    for part in ("Verfassung", "Gericht", "Bundesgericht"):
        grams = {term for term in analyze(part, language="de") if term.endswith("~")}
        assert grams, part
        assert len(grams & text) >= len(grams) / 2, part
    assert not any(term.endswith("~") for term in analyze("constitutional court", language="en"))


def test_words_that_only_ask_are_left_out_of_english_questions_alone() -> None:
    question = "What is the capital of France?"
    assert analyze(question, language="en", question=True) == ["capit", "franc"]
    assert "what" in analyze(question, language="en")
    assert "the" not in analyze(question, language="en")
    assert analyze("was ist die", language="de", question=True)


def test_a_question_of_nothing_but_asking_words_still_asks() -> None:
    assert analyze("What is it?", language="en", question=True) == ["what", "is", "it"]


def test_a_word_too_long_to_be_one_is_left_out() -> None:
    longest = "a" * MAX_WORD
    assert analyze(f"before {longest} {longest}a after", language="xx") == [
        "before",
        longest,
        "after",
    ]
    assert analyze("x" * 1_000_000) == []


@given(text=st.text(st.characters(codec=None, exclude_categories=())), language=st.sampled_from(
    ["", "en", "de", "hi", "ar", "th", "tr", "xx"]))  # fmt: skip
def test_terms_of_any_text_can_be_stored_and_split_again(text: str, language: str) -> None:
    for question in (False, True):
        terms = analyze(text, language=language, question=question)
        assert " ".join(terms).split(" ") == (terms or [""])
        assert all(0 < len(term) <= 4 * MAX_WORD for term in terms)
        "".join(terms).encode()
        assert analyze(text, language=language, question=question) == terms
