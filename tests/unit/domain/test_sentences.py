"""Sentences: where they begin and end, in every script, with offsets that can be quoted."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.domain.sentences import sentences

# What took a step for every pair of characters would not come back from this.
LONG = 300_000


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


SPLIT: dict[str, list[str]] = {
    "It rained. We stayed in! Did you? I did…": [
        "It rained.",
        "We stayed in!",
        "Did you?",
        "I did…",
    ],
    "Version 2.1 is out. 3 people came.": ["Version 2.1 is out.", "3 people came."],
    "Really?! Yes.": ["Really?!", "Yes."],
    "A paragraph\n\nanother one": ["A paragraph", "another one"],
    "One sentence that runs\nover two lines. Another.": [
        "One sentence that runs\nover two lines.",
        "Another.",
    ],
    "Straße gebaut. Über uns.": ["Straße gebaut.", "Über uns."],
    "Все ушли. Это конец.": ["Все ушли.", "Это конец."],
    "": [],
    " \n\t\n ": [],
    "no full stop at all": ["no full stop at all"],
}


@pytest.mark.parametrize(("text", "expected"), SPLIT.items(), ids=range(len(SPLIT)))
def test_a_text_is_cut_where_a_reader_would_pause(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Dr. A. Smith of St. Andrews came.",
        "See Fig. 3 and Eq. 7 below.",
        "Cats, dogs, etc. are pets, e.g. Rex.",
        "The U.S. Army and Acme Inc. Agreed on it.",
        "Das gilt z.B. Montag bzw. Dienstag.",
        "It was signed on Sept. 3 by Gen. Lee.",
        "He paid 3.50 per pound and left",
        "the end. lower case goes on",
    ],
)
def test_an_abbreviation_or_a_number_does_not_end_a_sentence(text: str) -> None:
    assert cut(text) == [text]


def test_the_full_stops_of_other_scripts_end_sentences_without_a_space() -> None:
    assert cut("他来了。她走了！为什么？") == ["他来了。", "她走了！", "为什么？"]
    assert cut("東京は大きい。｡") == ["東京は大きい。｡"]
    assert cut("यह घर है। वह बड़ा है।दूर है॥") == ["यह घर है।", "वह बड़ा है।", "दूर है॥"]
    assert cut("ما هذا؟ هذا كتاب. نعم") == ["ما هذا؟", "هذا كتاب.", "نعم"]
    assert cut("یہ گھر ہے۔ وہ بڑا ہے۔") == ["یہ گھر ہے۔", "وہ بڑا ہے۔"]
    assert cut("Նա եկավ։ Նա գնաց։") == ["Նա եկավ։", "Նա գնաց։"]


def test_quotes_and_brackets_close_with_the_sentence_that_they_enclose() -> None:
    assert cut('He said "Yes." Then he left.') == ['He said "Yes."', "Then he left."]
    assert cut("(It did.) So it went.") == ["(It did.)", "So it went."]
    assert cut("«C’est tout.» Il part.") == ["«C’est tout.»", "Il part."]
    assert cut("他说：「好。」然后走了。") == ["他说：「好。」", "然后走了。"]


def test_a_sentence_may_begin_with_a_quote_or_a_bracket() -> None:
    assert cut('It ended. "Why?" (Nobody knew.)') == ["It ended.", '"Why?"', "(Nobody knew.)"]


def test_footnote_marks_belong_to_no_sentence() -> None:
    assert cut("It grew.[3][14] Then it fell.") == ["It grew.", "Then it fell."]


def test_every_item_row_and_heading_stands_alone() -> None:
    text = "# Title\nWe need:\n- flour\n* eggs\n\n1. Mix it\n2) Bake it\n| a | b |\n> Said"
    assert cut(text) == [
        "# Title",
        "We need:",
        "- flour",
        "* eggs",
        "1. Mix it",
        "2) Bake it",
        "| a | b |",
        "> Said",
    ]


def test_what_follows_a_heading_without_a_blank_line_is_not_part_of_it() -> None:
    assert cut("## Limits. All\n### Size\nIt is 3 MB.") == [
        "## Limits. All",
        "### Size",
        "It is 3 MB.",
    ]
    assert cut("Limits\n======\nIt is 3 MB.") == ["Limits\n======", "It is 3 MB."]
    assert cut("Limits\n------\nIt is 3 MB.") == ["Limits", "------", "It is 3 MB."]
    assert cut("#hashtags are no headings\nat all") == ["#hashtags are no headings\nat all"]


def test_the_number_of_a_list_item_is_not_a_sentence() -> None:
    assert cut("Steps:\n1. Open it.\n12. Close it.") == ["Steps:", "1. Open it.", "12. Close it."]


def test_a_text_of_endless_repetition_is_cut_in_one_pass() -> None:
    for piece in ("(", '."', ". ", "\n ", "[1]", "。", "A. ", "a\n==\n", "# a. ", "#\n", "- x\n"):
        text = "Begin." + piece * (LONG // len(piece))
        assert sentences(text)[0][0] == 0


PIECES = st.sampled_from(
    ["word", "Word", "Dr.", "3", "3.", ".", "!", "?", "…", "。", "？", "।", "؟", " ", " ", "\n",
     "\n\n", "- ", "1. ", "| a |", "# ", '"', "”", "(", ")", "「", "」", "é", "字", "\u00a0", "\t"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=60).map("".join) | st.text(max_size=80)


@given(text=TEXTS)
def test_sentences_are_in_order_and_nothing_but_space_lies_between_them(text: str) -> None:
    # A footnote mark is the only thing that may be left out.
    text = re.sub(r"\[\d+\]", "", text)
    end_before = 0
    for start, end in sentences(text):
        assert end_before <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        assert not text[end_before:start].strip()
        end_before = end
    assert not text[end_before:].strip()
