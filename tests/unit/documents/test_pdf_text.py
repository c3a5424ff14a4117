"""The text of PDF pages is mended where it is safe, and pages cover the text."""

from citewell.documents.parsers.formats.pdf import (
    joined,
    mended,
    tidy,
    with_remarks,
    without_running_lines,
)


def test_a_word_broken_at_a_line_end_is_whole_again() -> None:
    assert mended(["the con\x02sectetuer elit"]) == ["the consectetuer elit"]


def test_a_compound_keeps_its_hyphen_when_the_document_writes_it_so() -> None:
    pages = ["state-of-the-art and self-made", "a self\x02made man"]
    assert mended(pages)[1] == "a self-made man"


def test_two_words_of_the_document_keep_the_hyphen_between_them() -> None:
    assert mended(["self interest, publishing, self\x02publishing"])[0].endswith("self-publishing")


def test_control_characters_become_bullets_or_nothing() -> None:
    assert tidy("\x02 USER: a\u00adb\x00c   \n\n\n\nd\x0c") == "\u2022 USER: abc\n\nd"


def test_a_running_title_with_its_page_number_goes() -> None:
    pages = [
        f"{n} Annual report\nBody of page {n * 7}\nmore {n * n}\nend {n * 5} x" for n in range(3, 9)
    ]
    kept = without_running_lines(pages)
    assert ["Annual report" in page for page in kept] == [True] + [False] * 5
    assert all("Body of page" in page for page in kept)


def test_rows_of_a_table_over_many_pages_stay() -> None:
    pages = [f"Total {n * 13}\nx {n * 3}\ny\nz {n * 31}\nw {n * 17}" for n in range(1, 7)]
    kept = without_running_lines(pages)
    assert all(f"Total {n * 13}" in page for n, page in enumerate(kept, 1))


def test_a_page_made_only_of_a_repeated_line_keeps_it() -> None:
    assert without_running_lines(["habibi"] * 4) == ["habibi"] * 4


def test_pages_cover_the_text_without_gaps() -> None:
    text, spans = joined(["one", "", "three"])
    assert [text[s.start : s.end] for s in spans] == ["one\n\n", "\n\n", "three"]
    assert (spans[0].start, spans[-1].end) == (0, len(text))


def test_a_remark_on_a_page_is_read_at_its_end_and_a_repeated_one_is_not() -> None:
    pages = ["The first page.", "The second\npage."]
    remarks = [(2, "Too long!"), (2, "second page"), (1, " "), (9, "nowhere")]
    assert with_remarks(pages, remarks) == [
        "The first page.",
        "The second\npage.\n\nNote: Too long!",
    ]


def test_a_page_of_remarks_alone_has_text() -> None:
    assert with_remarks([""], [(1, "Signed.")]) == ["Note: Signed."]
