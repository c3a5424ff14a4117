"""A line of Hebrew or Arabic is turned from the order of the page into that of its reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.documents.parsers.formats.bidi import as_read


@pytest.mark.parametrize(
    ("on_page", "as_said"),
    [
        ("עולם שלום", "שלום עולם"),
        (
            ".חשוב תחום היא Machine Learning :שנייה שורה",
            "שורה שנייה: Machine Learning היא תחום חשוב.",
        ),
        ("2024 בשנת R-ו Python 3 עם מסמך", "מסמך עם Python 3 ו-R בשנת 2024"),
        ("בעברית( קצר )מסמך", "מסמך (קצר) בעברית"),
        ("بلغة البرمجة في", "في البرمجة بلغة"),
        (".للمشكالت منPython ،البيانات", "البيانات، Python من للمشكالت."),
        ("اإلنتاجية", "الإنتاجية"),
    ],
)
def test_a_line_is_read_from_the_right(on_page: str, as_said: str) -> None:
    assert as_read(on_page) == as_said


def test_lines_that_end_their_sentences_at_the_right_end_are_in_order_already() -> None:
    text = "שלום עולם.\nזה מסמך.\nסוף"
    assert as_read(text) == text


@given(st.text(st.characters(codec="ascii")))
def test_a_text_of_another_script_is_left_alone(text: str) -> None:
    assert as_read(text) == text


@given(st.text("אבגד abc 12.,()\n"))
def test_turning_a_line_loses_no_letter(text: str) -> None:
    mirrored = str.maketrans("()", "  ")
    letters = sorted("".join(text.translate(mirrored).split()))
    assert sorted("".join(as_read(text).translate(mirrored).split())) == letters
