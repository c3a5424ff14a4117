"""A name from outside is kept as far as it is harmless."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.documents.naming import MAX_NAME, MAX_TITLE, clean_filename, clean_text, clean_title


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("a/b/report.pdf", "a/b/report.pdf"),
        ("../../../etc/passwd", "etc/passwd"),
        ("..\\..\\windows\\win.ini", "windows/win.ini"),
        ("C:\\Users\\ann\\plan.txt", "Users/ann/plan.txt"),
        ("/absolute/path.txt", "absolute/path.txt"),
        ("a//./b.txt", "a/b.txt"),
        ("new\nline\x00.txt", "new line .txt"),
        ("\ud800broken.txt", "?broken.txt"),
        ("e\u0301te\u0301.txt", "été.txt"),
        ("..", "untitled"),
        ("", "untitled"),
    ],
)
def test_a_file_name_is_a_harmless_relative_path(given_name: str, kept: str) -> None:
    assert clean_filename(given_name) == kept


@given(st.text(st.characters()))
def test_no_name_climbs_is_empty_or_holds_a_control_character(name: str) -> None:
    clean = clean_filename(name)
    assert 0 < len(clean) <= MAX_NAME
    assert not {"..", "."} & set(clean.split("/"))
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in clean)
    clean.encode("utf-8")


def test_a_long_name_keeps_its_end_which_says_what_it_is() -> None:
    assert clean_filename("x" * 400 + ".pdf").endswith("xxx.pdf")


@given(st.text(st.characters()))
def test_a_title_is_one_printable_line(title: str) -> None:
    clean = clean_title(title)
    assert len(clean) <= MAX_TITLE
    assert clean == clean_title(clean)
    assert len(clean.splitlines()) <= 1


@given(st.text(st.characters()))
def test_a_text_can_be_stored_and_loses_nothing_else(text: str) -> None:
    clean = clean_text(text)
    assert clean.encode("utf-8").decode("utf-8") == clean
    assert "\x00" not in clean
    if text.isprintable():
        assert clean == text
