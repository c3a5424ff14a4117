"""A page becomes what its reader sees; its title and language are those that it declares."""

import pytest

from citewell.documents.parsers.formats.web import read_html
from citewell.documents.parsers.media import MEDIA_TYPES, Media
from citewell.domain.documents import ParsedText

MEDIA = Media(MEDIA_TYPES["html"], "html")


def page(body: str, head: str = "", attributes: str = "") -> ParsedText:
    html = f"<!doctype html><html {attributes}><head>{head}</head><body>{body}</body></html>"
    return read_html(html.encode(), MEDIA)


def test_the_title_is_declared_or_the_first_heading() -> None:
    assert page("<h1>Shown</h1>", "<title>R&amp;D\n  plan</title>").title == "R&D plan"
    assert page("<h1>Shown</h1>").title == "Shown"
    assert page("<p>no heading</p>").title == ""


@pytest.mark.parametrize(
    ("attributes", "language"), [('lang="de-CH"', "de-CH"), ("lang=fr", "fr"), ("", "")]
)
def test_the_language_is_the_one_that_is_declared(attributes: str, language: str) -> None:
    assert page("<p>x</p>", attributes=attributes).language == language


def test_signs_are_the_ones_that_were_meant() -> None:
    text = page("<p>AT&amp;T 5 &lt; 6 &eacute; &#x20AC; 2*3*4 a_b [x]</p>").text
    assert text == "AT&T 5 < 6 é € 2*3*4 a_b [x]"


def test_a_table_is_not_padded() -> None:
    cells = "<tr><td>a</td><td>a rather long cell of words</td></tr><tr><td>b</td><td>c</td></tr>"
    assert page(f"<table>{cells}</table>").text == (
        "| a | a rather long cell of words |\n| --- | --- |\n| b | c |"
    )


def test_code_keeps_its_indentation_and_its_signs() -> None:
    text = page("<pre>if a &lt; b:\n    pass  #  **not bold**</pre>").text
    assert "if a < b:\n    pass  #  **not bold**" in text


def test_headings_point_into_the_text() -> None:
    found = page("<h1>One</h1><p>x</p><h2>Two</h2><p>y</p>")
    assert [(h.level, h.text) for h in found.headings] == [(1, "One"), (2, "Two")]
    assert all(found.text[h.start :].lstrip("# ").startswith(h.text) for h in found.headings)


@pytest.mark.parametrize(
    ("charset", "encoding", "text"),
    [
        ("iso-8859-1", "cp1252", "naïve café – 5 €"),
        ("Shift_JIS", "cp932", "日本語の文章です。"),
        ("windows-1251", "cp1251", "Привет, мир"),
        ("iso-8859-1", "utf-8", "wrong about itself: é"),
    ],
)
def test_a_declared_encoding_is_believed_unless_it_cannot_be(
    charset: str, encoding: str, text: str
) -> None:
    html = f'<html><head><meta charset="{charset}"></head><body><p>{text}</p></body></html>'
    assert read_html(html.encode(encoding), MEDIA).text == text
