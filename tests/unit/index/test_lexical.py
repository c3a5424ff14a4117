"""Words: what a question's terms, its hints and its repetitions weigh."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from citewell.domain.errors import UnavailableError
from citewell.index.index import MAX_TERMS, Entry, IndexSettings, Terms
from citewell.index.lexical import LexicalIndex, LexicalSnapshot
from citewell.index.projection import Projection

ROW = np.ones((1, 2), dtype=np.float16)
BODIES = {
    1: "alpha beta",
    2: "alpha gamma",
    3: "beta gamma delta",
    4: "getusernam call",
    5: "get user name call",
    6: "",
}


@pytest.fixture
def index(tmp_path: Path) -> Iterator[LexicalIndex]:
    opened = LexicalIndex.open(tmp_path / "words")
    yield opened
    opened.close()


@pytest.fixture
def words(index: LexicalIndex) -> LexicalSnapshot:
    index.apply([], [Entry(key, uuid4(), uuid4(), body, "", ROW) for key, body in BODIES.items()])
    return index.snapshot()


def found(words: LexicalSnapshot, terms: Terms, count: int = 10) -> list[int]:
    keys: list[int] = words.search(terms, count, None).keys.tolist()
    return keys


def test_a_term_is_found_as_it_is_and_not_by_its_beginning(words: LexicalSnapshot) -> None:
    assert sorted(found(words, Terms(["alpha"]))) == [1, 2]
    assert found(words, Terms(["alph"])) == []
    assert found(words, Terms(["Alpha"])) == []
    assert found(words, Terms([])) == []


def test_a_rare_term_weighs_more_than_a_common_one(words: LexicalSnapshot) -> None:
    rare, common, unknown = words.idf(["delta", "alpha", "nowhere"]).tolist()
    assert unknown > rare > common > 0
    assert found(words, Terms(["delta", "alpha"]))[0] == 3


def test_a_term_that_is_asked_twice_weighs_twice(words: LexicalSnapshot) -> None:
    once, twice = (words.search(Terms(["alpha"] * n), 9, None).scores for n in (1, 2))
    assert twice.tolist() == pytest.approx((2 * once).tolist())


def test_the_parts_of_a_name_are_a_hint_and_never_outweigh_the_name(
    words: LexicalSnapshot,
) -> None:
    asked = Terms(["getusernam"], parts=["get", "user", "name"])
    assert found(words, asked) == [4, 5]
    assert found(words, Terms(["getusernam"])) == [4]
    # A part that is a word of the question itself keeps that word's weight.
    plain, hinted = Terms(["get"]), Terms(["get"], parts=["get"])
    assert words.search(hinted, 9, None).scores == pytest.approx(
        words.search(plain, 9, None).scores
    )


def test_of_a_very_long_question_the_first_terms_count(words: LexicalSnapshot) -> None:
    filler = [f"filler{n}" for n in range(MAX_TERMS)]
    assert found(words, Terms(["delta", *filler])) == [3]
    assert found(words, Terms([*filler, "delta"])) == []
    assert found(words, Terms(["delta"] * 10_000)) == [3]


def test_all_of_several_terms_can_be_demanded(words: LexicalSnapshot) -> None:
    assert words.containing(["beta", "gamma"], 9).tolist() == [3]
    assert sorted(words.containing(["gamma"], 9).tolist()) == [2, 3]
    assert words.containing(["alpha", "delta"], 9).tolist() == []
    assert words.containing([], 9).tolist() == []
    assert len(words.containing(["gamma"], 1)) == 1


@pytest.mark.parametrize("term", ['"', "a:b", "*", "(", "AND", "+x", "\\", "é", "字", "~", "^2"])
def test_no_term_is_taken_for_a_language_of_queries(index: LexicalIndex, term: str) -> None:
    index.apply([], [Entry(1, uuid4(), uuid4(), f"before {term} after", "", ROW)])
    words = index.snapshot()
    assert found(words, Terms([term])) == [1]
    assert found(words, Terms([f"{term}x"])) == []


def test_what_a_reader_holds_does_not_change_under_it(
    index: LexicalIndex, words: LexicalSnapshot
) -> None:
    later = uuid4()
    index.apply([], [Entry(7, uuid4(), later, "alpha", "", ROW)])
    assert sorted(found(words, Terms(["alpha"]))) == [1, 2]
    assert sorted(found(index.snapshot(), Terms(["alpha"]))) == [1, 2, 7]
    index.apply([later], [])
    assert sorted(found(index.snapshot(), Terms(["alpha"]))) == [1, 2]
    index.clear()
    assert found(index.snapshot(), Terms(["alpha"])) == []
    assert sorted(found(words, Terms(["alpha"]))) == [1, 2]


@contextmanager
def a_disk_that_takes_no_more() -> Iterator[None]:
    """No file of this process may grow beyond a few bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_changes_nothing_and_is_got_over(index: LexicalIndex) -> None:
    index.apply([], [Entry(1, uuid4(), uuid4(), "alpha", "", ROW)])
    with a_disk_that_takes_no_more(), pytest.raises(UnavailableError, match="cannot be written"):
        index.apply([], [Entry(2, uuid4(), uuid4(), "alpha", "", ROW)])
    assert found(index.snapshot(), Terms(["alpha"])) == [1]
    index.apply([], [Entry(3, uuid4(), uuid4(), "alpha", "", ROW)])
    assert sorted(found(index.snapshot(), Terms(["alpha"]))) == [1, 3]


def test_an_index_that_cannot_begin_says_why(tmp_path: Path) -> None:
    with a_disk_that_takes_no_more(), pytest.raises(UnavailableError, match="cannot be opened"):
        Projection.open(tmp_path / "index", IndexSettings())
