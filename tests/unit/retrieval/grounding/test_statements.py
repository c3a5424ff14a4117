"""A written answer is cut into what it states, and every mark belongs to one statement."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.retrieval.grounding.marks import marks_of
from citewell.retrieval.grounding.statements import Kind, statements_of


def cut(text: str) -> list[tuple[str, list[int]]]:
    return [(one.text, one.numbers) for one in statements_of(text)]


CUT: dict[str, list[tuple[str, list[int]]]] = {
    "It was opened in 1932. [1] It carries trains [2][3]. Also cars [1, 2].": [
        ("It was opened in 1932.", [1]),
        ("It carries trains.", [2, 3]),
        ("Also cars.", [1, 2]),
    ],
    "Łódź is a city [1] and 😀 old [2]. True.[3]": [
        ("Łódź is a city and 😀 old.", [1, 2]),
        ("True.", [3]),
    ],
    "他来了[1]。她走了。[2]为什么？": [("他来了。", [1]), ("她走了。", [2]), ("为什么？", [])],
    "यह घर है। [1] वह बड़ा है [2]।": [("यह घर है।", [1]), ("वह बड़ा है।", [2])],
    "«C’est tout.» [1] Il part [2].": [("«C’est tout.»", [1]), ("Il part.", [2])],
    "- One thing [1]\n* **Another** thing. [2]\n3. [4] A `third`\n": [
        ("One thing", [1]),
        ("Another thing.", [2]),
        ("A third", [4]),
    ],
    "| name | year |\n|---|---|\n| bridge | 1932 [1] |\n| tower | 1871 | [2]": [
        ("name   year", []),
        ("bridge   1932", [1]),
        ("tower   1871", [2]),
    ],
    "[1] First. Second.": [("First.", [1]), ("Second.", [])],
    "See [4](https://example.org) and a[1].": [("See [4](https://example.org) and a.", [1])],
    "Use `a[2]` here [3].": [("Use a[2] here.", [3])],
    "No marks at all": [("No marks at all", [])],
    "[1]": [],
    "***\n\n---": [],
    "": [],
}


@pytest.mark.parametrize(("text", "expected"), CUT.items(), ids=range(len(CUT)))
def test_each_mark_belongs_to_the_sentence_that_it_stands_in_or_behind(
    text: str, expected: list[tuple[str, list[int]]]
) -> None:
    assert cut(text) == expected


def test_headings_and_introductions_lead_to_others_and_code_is_code() -> None:
    text = "## Steps\n\nDo this:\n\n```sh\nrun x[1]\n```\n[2]\n\n**Then**\n\nThat is all [1]."
    kinds = [(one.kind, one.text, one.numbers) for one in statements_of(text)]
    assert kinds == [
        (Kind.LEAD, "Steps", []),
        (Kind.LEAD, "Do this:", []),
        (Kind.CODE, "run x[1]", [2]),
        (Kind.LEAD, "Then", []),
        (Kind.CLAIM, "That is all.", [1]),
    ]


def test_a_colon_with_nothing_behind_it_leads_nowhere() -> None:
    assert [one.kind for one in statements_of("It ends like this:")] == [Kind.CLAIM]


def test_a_code_block_that_is_never_closed_ends_with_the_text() -> None:
    (only,) = statements_of("```\na = [1]\nb = [2]")
    assert (only.kind, only.text, only.numbers) == (Kind.CODE, "a = [1]\nb = [2]", [])


@given(st.text(alphabet="aB1 .!?[],\n-#|`。好é😀*:", max_size=120))
def test_statements_are_pieces_of_the_text_in_order_and_no_mark_is_lost(text: str) -> None:
    found = statements_of(text)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    marks = [mark for one in found for mark in one.marks]
    assert sorted(marks, key=lambda mark: mark.start) == (marks_of(text) if found else [])


@pytest.mark.parametrize(
    "piece", ["[1]", "[", "[1, ", "```\n", "`", "| a ", "**", "- ", "a. ", " ", "[1](", "#\n"]
)
def test_no_text_takes_longer_than_its_length(piece: str) -> None:
    began = time.perf_counter()
    statements_of(piece * 6_000)
    assert time.perf_counter() - began < 5
