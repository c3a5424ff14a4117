"""What a model says reaches the reader at once, without what is not meant for one."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.agent.writing.filtering import Filter

SAID: dict[str, str] = {
    "It is so [1, 2]. And [1-3] or [^2] or 【1†source】.": "It is so [1][2]. And [1][2][3] or [2]"
    " or [1].",
    "<think>hm [1]</think>\n\nYes [1].": "Yes [1].",
    " <notes>\n1: all\n</notes>\n## Yes\n": "## Yes\n",
    "```py\na[1, 2]\n```\n[1]\nUse `b[1, 2]` [2, 3].": "```py\na[1, 2]\n```\n[1]\nUse `b[1, 2]`"
    " [2][3].",
    "[2015, 2016] and [x] and [1](http://a) [1-99]": "[2015, 2016] and [x] and [1](http://a)"
    " [1][99]",
    "Not only this [1], <b>nor</b> that [": "Not only this [1], <b>nor</b> that [",
    "![i](http://a/?d=1) and wow![1]! Not ! [x] nor !\n[2]": "! [i](http://a/?d=1) and wow! [1]!"
    " Not ! [x] nor !\n[2]",
    "`![j](http://a)` <IMG src=a><image-map> </svg> <imagine": "`! [j](http://a)` < IMG src=a>"
    "<image-map> < /svg> <imagine",
    "```\nif (![1, 2].includes(x)) <img\n```\n<": "```\nif (! [1, 2].includes(x)) < img\n```\n<",
    "<think>never ends": "",
    "<thin ice": "<thin ice",
    "NOT": "NOT",
    "": "",
}
ADMITTED: dict[str, tuple[str, list[str]]] = {
    "NOT_IN_DOCUMENTS They do not say.": ("They do not say.", ["They do not say."]),
    "  **NOT_IN_DOCUMENTS:** nothing.": ("nothing.", ["nothing."]),
    "not in the documents: it is missing": ("it is missing", ["it is missing"]),
    "[NOT_IN_DOCUMENTS]": ("", [""]),
    "<think>x</think>NOT IN DOCUMENTS – no\n": ("no\n", ["no"]),
    "One [1].\nNOT_IN_DOCUMENTS The rest.\nTwo [2].": (
        "One [1].\nThe rest.\nTwo [2].",
        ["The rest."],
    ),
    "- NOT_IN_DOCUMENTS\n- It is [1].": ("\n- It is [1].", [""]),
    "```\nNOT_IN_DOCUMENTS\n```": ("```\nNOT_IN_DOCUMENTS\n```", []),
    "It says NOT_IN_DOCUMENTS [1].": ("It says NOT_IN_DOCUMENTS [1].", []),
}


def filtered(text: str, seed: int = 0) -> Filter:
    """Heard in pieces of random lengths."""
    rng = random.Random(seed)
    heard, told, at = Filter(), "", 0
    while at < len(text):
        size = rng.randint(1, 7)
        told += heard.hear(text[at : at + size])
        at += size
    told += heard.end()
    assert told == heard.said
    return heard


@pytest.mark.parametrize(("text", "said"), SAID.items(), ids=range(len(SAID)))
def test_marks_are_written_one_way_and_notes_are_left_out(text: str, said: str) -> None:
    for seed in range(30):
        heard = filtered(text, seed)
        assert (heard.said, heard.admissions) == (said, [])
        assert not heard.admits_all


@pytest.mark.parametrize(("text", "expected"), ADMITTED.items(), ids=range(len(ADMITTED)))
def test_what_is_missing_is_known_by_its_word_at_the_beginning_of_a_line(
    text: str, expected: tuple[str, list[str]]
) -> None:
    for seed in range(30):
        heard = filtered(text, seed)
        assert (heard.said, [heard.said[a:b] for a, b in heard.admissions]) == expected
        assert heard.admits_all == (bool(expected[1]) and expected[1][0] == heard.said.strip())


@given(st.text(alphabet="NOTINDCUMES_ not in\n[]12,-^【】†`~<think>/notes*x", max_size=60))
def test_how_it_is_cut_into_pieces_changes_nothing(text: str) -> None:
    once = Filter()
    once.hear(text)
    once.end()
    for seed in range(3):
        heard = filtered(text, seed)
        assert (heard.said, heard.admissions) == (once.said, once.admissions)


@given(st.text(alphabet="abc de.,;:!?()\né😀#-|", max_size=80))
def test_what_needs_no_change_is_said_as_it_is(text: str) -> None:
    assert filtered(text).said == text.lstrip()


def test_words_are_not_held_back() -> None:
    heard = Filter()
    assert heard.hear("The bridge ") == "The bridge "
    assert heard.hear("was opened [") == "was opened "
    assert heard.hear("1") == ""
    assert heard.hear("]") == "[1]"
    assert heard.hear(".\nNo") == ".\n"
    assert heard.hear("body knows") == "Nobody knows"
    assert heard.end() == ""
