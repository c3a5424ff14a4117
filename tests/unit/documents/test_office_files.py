"""What an Office file says is in its text: signs, notes, figures, remarks, in the right order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.documents.parsers.formats import ooxml
from citewell.documents.parsers.reading import read
from citewell.domain.documents import ParsedText
from tests.unit.documents.packaged import P, W, docx, pptx, related, shaped, zipped


def parsed(data: bytes, name: str) -> ParsedText:
    return read(data, name, text_chars=1_000_000)


def noted(kind: str, number: int, text: str) -> str:
    return (
        f'<w:{kind}s {W}><w:{kind} w:id="0" w:type="separator"><w:p/></w:{kind}>'
        f'<w:{kind} w:id="{number}"><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:{kind}></w:{kind}s>'
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("R&amp;D at AT&amp;T", "R&D at AT&T"),
        ("5 &lt; 6 &gt; 4", "5 < 6 > 4"),
        ("it&apos;s &quot;so&quot;", 'it\'s "so"'),
        ("caf&#233; for &#x20AC; 3 &#38; more", "café for € 3 & more"),
        ("written &amp;amp; out", "written &amp; out"),
    ],
)
def test_a_sign_that_xml_escapes_is_not_lost(written: str, meant: str) -> None:
    assert parsed(zipped(docx(written)), "d.docx").text == meant


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1))
def test_hiding_the_signs_from_the_converter_changes_no_other_character(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    with ooxml.opened(ooxml.convertible(zipped(docx(escaped)))).archive as archive:
        part = archive.read("word/document.xml").decode()
    assert f"<w:t>{text}</w:t>" in part.translate(ooxml._SHOWN)


def test_footnotes_and_endnotes_of_equal_number_are_both_read() -> None:
    parts = docx('Claim</w:t><w:footnoteReference w:id="1"/><w:endnoteReference w:id="1"/><w:t>.')
    parts["word/_rels/document.xml.rels"] = related(
        footnotes="footnotes.xml", endnotes="endnotes.xml"
    )
    parts["word/footnotes.xml"] = noted("footnote", 1, "See R&amp;D report.")
    parts["word/endnotes.xml"] = noted("endnote", 1, "Printed twice.")
    text = parsed(zipped(parts), "d.docx").text
    assert text == "Claim.\n\nFootnotes:\n\n- See R&D report.\n- Printed twice."


def test_a_comment_in_the_margin_is_read_with_its_author() -> None:
    parts = docx("A plan.")
    parts["word/_rels/document.xml.rels"] = related(comments="comments.xml")
    parts["word/comments.xml"] = (
        f'<w:comments {W}><w:comment w:id="1" w:author="Ann &amp; Bo" w:date="2024">'
        "<w:p><w:r><w:t>Too dear.</w:t></w:r></w:p></w:comment></w:comments>"
    )
    assert parsed(zipped(parts), "d.docx").text == "A plan.\n\nComments:\n\n- Ann & Bo: Too dear."


def test_a_broken_part_beside_the_text_takes_nothing_from_the_text() -> None:
    parts = docx("The words.")
    parts["word/_rels/document.xml.rels"] = related(comments="comments.xml", footnotes="gone.xml")
    parts["word/comments.xml"] = b"<w:comments><w:comment w:author='x'\xff\xfe<w:p><w:t>cut"
    assert "The words." in parsed(zipped(parts), "d.docx").text


def test_slides_are_read_in_the_order_of_the_show_with_their_own_notes() -> None:
    parts = pptx({"1": "Shown last", "2": "Shown first"}, ["2", "1"])
    parts["ppt/slides/_rels/slide2.xml.rels"] = related(notesSlide="../notesSlides/n.xml")
    parts["ppt/notesSlides/n.xml"] = f"<p:notes {P}>{shaped('body', 'Smile &amp; wave')}</p:notes>"
    found = parsed(zipped(parts), "s.pptx")
    assert [page.label for page in found.pages] == ["Shown first", "Shown last"]
    first = found.pages[0]
    assert "Notes: Smile & wave" in found.text[first.start : first.end]


def test_the_number_on_a_page_of_notes_is_not_a_note() -> None:
    parts = pptx({"1": "Only"}, ["1"])
    parts["ppt/slides/_rels/slide1.xml.rels"] = related(notesSlide="../notesSlides/n.xml")
    parts["ppt/notesSlides/n.xml"] = f"<p:notes {P}>{shaped('sldNum', '1')}</p:notes>"
    assert "Notes" not in parsed(zipped(parts), "s.pptx").text


def test_a_chart_is_read_as_its_title_and_figures() -> None:
    parts = pptx({"1": "Sales"}, ["1"])
    parts["ppt/slides/_rels/slide1.xml.rels"] = related(chart="../charts/c.xml")
    parts["ppt/charts/c.xml"] = (
        "<c:chartSpace><c:title><a:p><a:t>Bread &amp; rolls</a:t></a:p></c:title><c:ser>"
        "<c:tx><c:v>North</c:v></c:tx><c:cat><c:v>2023</c:v><c:v>2024</c:v></c:cat>"
        "<c:val><c:v>7</c:v><c:v>9</c:v></c:val></c:ser></c:chartSpace>"
    )
    text = parsed(zipped(parts), "s.pptx").text
    assert "Chart: Bread & rolls\nNorth — 2023: 7, 2024: 9" in text


def test_a_relation_that_leaves_the_package_is_not_followed() -> None:
    parts = pptx({"1": "Only"}, ["1"])
    outside = "https://example.com/notes.xml"
    parts["ppt/slides/_rels/slide1.xml.rels"] = related(notesSlide=outside)
    assert parsed(zipped(parts), "s.pptx").text == "## Only"


def headed(before: str) -> bytes:
    style = '</w:t></w:r></w:p><w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>The plan'
    return zipped(docx(before + style))


def test_the_heading_that_opens_a_document_is_its_title_and_a_later_one_is_not() -> None:
    assert parsed(headed("Draft."), "d.docx").title == "The plan"
    assert parsed(headed("Long words before it. " * 20), "d.docx").title == ""
