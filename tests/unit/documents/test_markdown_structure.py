"""Headings are found where Markdown has them, and converted Markdown reads like text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.documents.parsers.markdown_structure import headings, readable


def outline(text: str) -> list[tuple[int, str]]:
    found = headings(text)
    assert all(0 <= h.start <= len(text) for h in found)
    return [(h.level, h.text) for h in found]


def test_both_kinds_of_heading_are_found_at_their_offsets() -> None:
    text = "# One\n\ntext\n\nTwo\n---\n\n### Three ###\n\nFour\n====\n"
    assert outline(text) == [(1, "One"), (2, "Two"), (3, "Three"), (1, "Four")]
    assert [text[h.start :].split("\n")[0] for h in headings(text)] == [
        "# One",
        "Two",
        "### Three ###",
        "Four",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "```\n# comment\n```\n",
        "~~~~\n# comment\n~~~\n# still code\n~~~~\n",
        "```sh\n# never closed\n",
        "    # indented code\n",
        "#hashtag\n",
        "---\ntitle: x\n# yaml comment\n---\n",
        "- item\n---\n",
        "\n---\n",
        "| a |\n---\n",
        "#\n",
    ],
)
def test_what_only_looks_like_a_heading_is_none(text: str) -> None:
    assert outline(text) == []


def test_marks_in_a_heading_are_not_part_of_its_text() -> None:
    assert outline("## **Bold** `code` [link](http://x)\n") == [(2, "Bold code link")]


def test_a_converted_page_reads_like_text() -> None:
    raw = "Hi\\! <!-- x y --> ![cat](c.png) [web](https://a.b) [in](#x)\n\n\n\n\\# no\n"
    assert readable(raw, keep_links=True) == "Hi!  cat [web](https://a.b) in\n\n\\# no"
    assert "https" not in readable(raw, keep_links=False)


def test_a_table_loses_its_padding_and_its_empty_rows_and_keeps_its_head() -> None:
    padded = "|      |      |\n| ---- | ----: |\n|      |      |\n| a\\<b | x \\| y  |\n"
    assert readable(padded, keep_links=True) == "| | |\n| --- | ---: |\n| a<b | x \\| y |"


def test_what_a_converter_makes_of_formatted_nothing_goes() -> None:
    raw = "- \\*\\*Bold cut in two\n\n\\*\\*\n\n\\-\n\n\\![A cat](cat.png)"
    assert readable(raw, keep_links=True) == "- Bold cut in two\n\nA cat"


def test_code_keeps_its_backslashes() -> None:
    raw = "```\na\\!b [x](y)\n```"
    assert readable(raw, keep_links=False) == raw


@given(st.text(alphabet="#=-`~\n a[]()!\\<>|*1."))
def test_any_text_has_ordered_headings_inside_it(text: str) -> None:
    starts = [h.start for h in headings(text)]
    assert starts == sorted(set(starts))
    assert all(start < len(text) for start in starts)
    readable(text, keep_links=False)


@pytest.mark.parametrize("piece", ["[](", "[", "](", "![", "<!--", "# ", "`", "\\!", "---\n"])
def test_repeated_marks_take_linear_time(piece: str) -> None:
    started = time.perf_counter()
    headings(piece * 20_000)
    readable(piece * 20_000, keep_links=True)
    assert time.perf_counter() - started < 5
