"""An answer is made of whole units in their own words, each with its mark and its place."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.agent.composition import MAX_UNIT, Unit, choose, compose, whole
from citewell.agent.saying import sayings
from citewell.domain.passages import Passage
from citewell.domain.sentences import sentences
from tests.unit.agent.passages import passage, sentence

LIST = "Bring these things:\n\n- a warm coat\n- good boots\n- a map of the hills\n\nThen go."
STEPS = "Intro.\n\nTo install it:\n1. Unpack the box.\n2. Plug it in.\n3. Press start.\n"
TABLE = "Prices of today.\n\n| item | price |\n|---|---|\n| bread | 3 |\n| wine | 9 |\n\nEnd."
CODE = "Run this:\n\n```sh\ncd project\n\nmake run  # starts it. Then wait.\n```\n\nDone."


def widened(text: str, part: str) -> str:
    start = text.index(part)
    begin, end = whole(text, (start, start + len(part)))
    return text[begin:end]


@pytest.mark.parametrize("item", ["- a warm coat", "- good boots", "- a map of the hills"])
def test_a_list_is_kept_whole_with_what_introduces_it(item: str) -> None:
    expected = "Bring these things:\n\n- a warm coat\n- good boots\n- a map of the hills"
    assert widened(LIST, item) == expected


@pytest.mark.parametrize("step", ["1. Unpack the box.", "3. Press start."])
def test_steps_are_kept_whole_and_in_order(step: str) -> None:
    expected = "To install it:\n1. Unpack the box.\n2. Plug it in.\n3. Press start."
    assert widened(STEPS, step) == expected


@pytest.mark.parametrize("row", ["| bread | 3 |", "| wine | 9 |"])
def test_a_row_is_kept_with_its_table_and_the_table_with_its_head(row: str) -> None:
    table = "| item | price |\n|---|---|\n| bread | 3 |\n| wine | 9 |"
    assert widened(TABLE, row) == table


@pytest.mark.parametrize("line", ["cd project", "make run  # starts it.", "Then wait."])
def test_a_code_block_is_kept_whole_with_its_fences(line: str) -> None:
    block = "```sh\ncd project\n\nmake run  # starts it. Then wait.\n```"
    assert widened(CODE, line) == block


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("It is so. It is not so.", "It is so."),
        (LIST, "Then go."),
        (TABLE, "Prices of today."),
        (CODE, "Done."),
        ("```\nnever closed\nat all", "never closed\nat all"),
        ("Not a list: 3. April was cold.", "April was cold."),
    ],
)
def test_a_sentence_that_is_part_of_nothing_stays_as_it_is(text: str, part: str) -> None:
    assert widened(text, part) == part


PICNIC = (
    "It is sunny. For the picnic you need these things:\n\n- a woollen blanket\n- fresh lemonade\n"
    "- a basket of pears\n\nMeet at noon."
)


@pytest.mark.parametrize(
    ("text", "introduction", "last"),
    [
        (PICNIC, "For the picnic you need these things:", "- a basket of pears"),
        (TABLE.replace("today.", "today:"), "Prices of today:", "| wine | 9 |"),
        (CODE, "Run this:", "starts it. Then wait.\n```"),
        ("Run this:\n```sh\nmake run\n\nmake stop\n```\nDone.", "Run this:", "make stop\n```"),
        ("**You need two things:**\n* a cup\n* a spoon", "**You need two things:**", "* a spoon"),
        ("野餐需要这些东西：\n\n- 毯子\n- 柠檬水", "野餐需要这些东西：", "- 柠檬水"),
    ],
    ids=range(6),
)
def test_an_introduction_is_quoted_with_what_it_introduces(
    text: str, introduction: str, last: str
) -> None:
    start, end = text.index(introduction), text.index(last) + len(last)
    span = next(s for s in sentences(text) if s[0] <= start < s[1])
    assert whole(text, span) == (start, end)


def test_an_introduction_of_what_does_not_follow_stays_alone() -> None:
    far = "You need these things:\n\n\n\n- a cup\n- a spoon"
    assert widened(far, "You need these things:") == "You need these things:"
    prose = "He said this:\n\nNothing is needed."
    assert widened(prose, "He said this:") == "He said this:"


def test_an_item_brings_the_sentence_that_introduces_its_list_and_no_more() -> None:
    expected = PICNIC[len("It is sunny. ") : PICNIC.index("\n\nMeet")]
    assert widened(PICNIC, "- fresh lemonade") == expected
    wrapped = "All is well. For the picnic\nyou need this:\n- a cup\n- a spoon"
    assert widened(wrapped, "- a cup") == wrapped[len("All is well. ") :]


WRAPPED = "- one\n- two is long and\n  ends here\n- three is lazy and\nends there too\n\nThen go."


@pytest.mark.parametrize("part", ["- one", "- two is long and", "ends here", "ends there too"])
def test_the_lines_of_a_wrapped_item_belong_to_it(part: str) -> None:
    assert widened(WRAPPED, part) == WRAPPED[: WRAPPED.index("\n\nThen go.")]


def test_items_with_blank_lines_between_them_are_one_list() -> None:
    loose = "1. Unpack it.\n\n   Keep the box.\n\n2. Plug it in.\n\n3. Press start.\n\nDone."
    for part in ("1. Unpack it.", "Keep the box.", "3. Press start."):
        assert widened(loose, part) == loose[: loose.index("\n\nDone.")]


@pytest.mark.parametrize(
    "after", ["\n\n1. Another list.", "\nIt is the text after.", "\n## Head", "\n```\ncode\n```"]
)
def test_what_is_no_item_ends_a_list(after: str) -> None:
    text = f"- one thing\n- two things.{after}"
    assert widened(text, "- one thing") == "- one thing\n- two things."


def test_a_step_that_introduces_code_is_quoted_with_all_steps() -> None:
    steps = "1. Run this:\n   ```sh\n   make run\n   ```\n2. Wait a minute."
    assert widened(steps, "1. Run this:") == steps


def test_what_is_too_long_to_be_quoted_whole_is_quoted_by_the_sentence() -> None:
    items = "\n".join(f"- item number {n} of a list that never ends" for n in range(100))
    assert len(items) > MAX_UNIT
    assert widened(items, "- item number 7 of") == "- item number 7 of"


PIECES = st.sampled_from(
    ["A word.", " More words! ", "\n", "\n\n", "- item one", "1. step", "| a | b |", "```", "~~~",
     "Here:", "# Head", "  ", "  in", "x"]
)  # fmt: skip


@given(text=st.lists(PIECES, max_size=30).map("".join))
def test_a_unit_holds_its_sentence_and_is_never_longer_than_allowed(text: str) -> None:
    for start, end in sentences(text):
        begin, finish = whole(text, (start, end))
        assert begin <= start < end <= finish
        assert (begin, finish) == (start, end) or finish - begin <= MAX_UNIT
        assert text[begin:finish] == text[begin:finish].strip()
        assert begin < finish


def units_of(*passages: Passage) -> list[Unit]:
    return [
        Unit(number, start, end)
        for number, one in enumerate(passages, start=1)
        for start, end in sayings(one.text)
    ]


def test_every_unit_is_followed_by_the_mark_of_its_passage() -> None:
    one = passage("The tower is 300 m high. It was built in 1889.", start=40, title="Tower")
    two = passage("The bridge is older.", start=7, title="Bridge")
    units = units_of(one, two)
    composed = compose([units[2], units[0], units[1]], [one, two])
    assert composed.text == (
        "The bridge is older. [2] The tower is 300 m high. [1] It was built in 1889. [1]"
    )
    assert [citation.number for citation in composed.citations] == [2, 1, 1]


def test_blocks_stand_apart_and_keep_their_lines() -> None:
    listed, coded, plain = passage(LIST), passage(CODE), passage("It is so.")
    at = [
        whole(LIST, (LIST.index("- good"), LIST.index("- good") + 3)),
        whole(CODE, (CODE.index("cd"), CODE.index("cd") + 3)),
        (0, 9),
    ]
    units = [Unit(number, *span) for number, span in enumerate(at, start=1)]
    blocks = compose(units, [listed, coded, plain]).text.split("\n\n")
    assert blocks[0] == "Bring these things:"
    assert blocks[1].endswith("- a map of the hills [1]")
    # A mark after a fence on its line would be part of the code.
    assert "```\n[2]" in "\n\n".join(blocks)
    assert blocks[-1] == "It is so. [3]"


TEXTS = st.lists(
    st.sampled_from(
        [
            "It rains. It pours! ",
            LIST,
            STEPS,
            TABLE,
            CODE,
            "Łódź 😀 ist schön.",
            "他来到北京了。她走进学校。",
        ]
    ),
    min_size=1,
    max_size=4,
)


@given(texts=TEXTS, data=st.data())
def test_every_citation_is_the_text_at_its_offsets_in_the_answer_and_in_the_document(
    texts: list[str], data: st.DataObject
) -> None:
    documents = ["Something before. " * (n % 3) + text for n, text in enumerate(texts)]
    passages = [
        passage(text, start=document.index(text))
        for text, document in zip(texts, documents, strict=True)
    ]
    every = [
        Unit(u.number, *whole(texts[u.number - 1], (u.start, u.end))) for u in units_of(*passages)
    ]
    units = data.draw(st.lists(st.sampled_from(every), max_size=4, unique=True))
    composed = compose(units, passages)
    assert len(composed.citations) == len(units)
    for citation, unit in zip(composed.citations, units, strict=True):
        assert composed.text[citation.answer_start : citation.answer_end] == citation.quote
        assert documents[unit.number - 1][citation.start : citation.end] == citation.quote
        assert citation.version_id == passages[unit.number - 1].version_id
        mark = composed.text[citation.answer_end :]
        assert re.match(rf"[ \n]\[{citation.number}\]", mark)
        assert not citation.verified


def test_nothing_is_composed_of_nothing() -> None:
    composed = compose([], [])
    assert (composed.text, composed.citations) == ("", ())


def chosen(passages: list[Passage], *said: tuple[int, str, float], most: int = 9) -> list[str]:
    """What is chosen of sentences given by passage, text and score, best first."""
    scored = [sentence(passages[at], text, at, score) for at, text, score in said]
    units = choose(scored, passages, most)
    return [passages[u.number - 1].text[u.start : u.end] for u in units]


def test_the_best_are_chosen_and_those_far_behind_are_not() -> None:
    one = passage("The tower is high. Ravens live in it. Nothing else is known.")
    said = [(0, "The tower is high.", 2.0), (0, "Ravens live in it.", 1.95)]
    far = (0, "Nothing else is known.", 0.2)
    assert chosen([one], *said, far) == ["The tower is high.", "Ravens live in it."]
    assert chosen([one], *said, far, most=1) == ["The tower is high."]
    assert choose([], [one], 3) == []


def test_what_was_said_already_is_not_said_again() -> None:
    first = passage("The tower is 300 m high.")
    copy = passage("The tower is 300 m high, they say.")
    other = passage("Ravens live in it.")
    said = [
        (0, "The tower is 300 m high.", 2.0),
        (1, "The tower is 300 m high, they say.", 1.99),
        (2, "Ravens live in it.", 1.98),
    ]
    assert chosen([first, copy, other], *said) == ["The tower is 300 m high.", "Ravens live in it."]


def test_the_same_in_a_script_with_combining_marks_is_not_said_again() -> None:
    first = passage("काली किताब।")
    other = passage("ताला बिका।")
    said = [(0, first.text, 2.0), (1, other.text, 1.99)]
    assert chosen([first, other], *said) == [first.text, other.text]


def test_items_of_one_list_are_one_unit() -> None:
    said = [(0, "- good boots", 2.0), (0, "- a warm coat", 1.99), (0, "Then go.", 1.98)]
    found = chosen([passage(LIST)], *said)
    assert [one.splitlines()[-1] for one in found] == ["- a map of the hills", "Then go."]
