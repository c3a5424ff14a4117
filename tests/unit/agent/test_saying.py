"""Only sentences that say something can answer."""

import pytest

from citewell.agent.saying import sayings


def said(text: str) -> list[str]:
    return [text[start:end] for start, end in sayings(text)]


def test_headings_rules_and_numbers_say_nothing() -> None:
    text = "# How it works\n\nIt works by steam.\n\n---\n\n7.\n\nPrices\n======\n\nIt is free now."
    assert said(text) == ["It works by steam.", "It is free now."]


def test_what_stands_right_under_a_heading_is_said() -> None:
    assert said("## Limits\nThe limit is 3 MB.") == ["The limit is 3 MB."]


@pytest.mark.parametrize("text", ["", "Yes.", "| --- | --- |", "* * *", "1 2 3", "***", "##"])
def test_a_text_of_less_than_two_words_says_nothing(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    "text", ["东京是日本的首都。", "กรุงเทพเป็นเมืองหลวง", "القاهرة عاصمة", "दिल्ली राजधानी है।"]
)
def test_other_scripts_say_something_without_spaces_too(text: str) -> None:
    assert said(text) == [text]


def test_items_and_rows_say_something_each() -> None:
    text = "We sell:\n- fresh bread\n- old wine\n\n| red | paint |\n| blue | ink |"
    assert said(text)[1:] == ["- fresh bread", "- old wine", "| red | paint |", "| blue | ink |"]


@pytest.mark.parametrize(
    "text",
    [
        "Article about [how the guard was passed](https://example.com/a/b-c).",
        "![A picture of the flow](../assets/flow.png)",
        "See https://example.com/one/two/three for more.",
    ],
)
def test_a_picture_or_a_mere_link_says_nothing(text: str) -> None:
    assert said(text) == []


def test_a_sentence_with_a_link_in_it_is_said() -> None:
    text = "Tokens are signed as [the guide](https://example.com) describes, with one key each."
    assert said(text) == [text]
