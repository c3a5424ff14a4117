"""Titles are links: who names whom, and where a walk along them leads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from citewell.domain.ids import DocumentId, new_id
from citewell.retrieval.links import Titles, pagerank, title_key, titles_of

Scores = NDArray[np.float32]


def shelf(*titles: str) -> tuple[Titles, dict[str, DocumentId]]:
    """Documents of these titles; the last of equal titles is the one that is returned."""
    documents = [(DocumentId(new_id()), title) for title in titles]
    return titles_of(dict(documents)), {title: document for document, title in documents}


def test_a_title_that_stands_in_a_text_points_at_its_document() -> None:
    titles, ids = shelf("Marie Curie", "Nobel Prize in Physics", "Warsaw")
    found = titles.mentioned("Born in Warsaw, Marie Curie won the Nobel Prize in Physics twice.")
    assert found == set(ids.values())
    assert titles.mentioned("Pierre Curie was a physicist. Marie was not there.") == set()
    assert titles.mentioned("") == set()


def test_a_title_is_found_whatever_its_case_and_marks_but_only_as_a_name() -> None:
    titles, ids = shelf("The King's Speech", "Latency")
    assert titles.mentioned("We saw THE KING'S SPEECH (2010).") == {ids["The King's Speech"]}
    assert titles.mentioned("Latency matters.") == {ids["Latency"]}
    assert titles.mentioned("Keep the latency low, as in the king's speech.") == set()


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("नई दिल्ली", "भारत की राजधानी नई दिल्ली है।"),
        ("القاهرة", "عاصمة مصر هي القاهرة."),
        ("张艺谋", "这部电影由张艺谋导演。"),
        ("宮崎駿", "監督は宮崎駿です。"),
        ("กรุงเทพ", "เมืองหลวงคือกรุงเทพ"),
        ("Łódź Kaliska", "He left from Łódź Kaliska."),
    ],
)
def test_a_title_is_found_in_scripts_without_capitals_or_spaces(title: str, text: str) -> None:
    titles, ids = shelf(title)
    assert titles.mentioned(text) == set(ids.values())


def test_words_that_differ_in_their_vowel_signs_or_are_too_short_are_no_title() -> None:
    titles, _ = shelf("काली किताब", "电影", "iPhone repairs")
    assert titles.mentioned("काला कौतुब है। 这部电影很好。 The iPhone repairs itself.") == set()


def test_the_longest_title_is_the_one_that_is_named() -> None:
    titles, ids = shelf("New York", "New York Times")
    assert titles.mentioned("He wrote for the New York Times.") == {ids["New York Times"]}
    assert titles.mentioned("He lived in New York.") == {ids["New York"]}


def test_a_qualifier_in_brackets_is_not_part_of_the_name() -> None:
    assert title_key("Titanic (1997 film)") == ("titanic",)
    assert title_key("f(x) and g") == ("f", "x", "and", "g")
    titles, ids = shelf("Titanic (1997 film)")
    assert titles.mentioned("She played in Titanic.") == set(ids.values())


def test_a_title_that_many_share_names_nobody() -> None:
    few, _ = shelf("Annual Report", "Annual Report")
    assert len(few.mentioned("See the Annual Report.")) == 2
    many, _ = shelf(*["Annual Report"] * 20)
    assert many.mentioned("See the Annual Report.") == set()
    # One word is too little to tell two documents by.
    twins, _ = shelf("Budget", "Budget (2019)")
    assert twins.mentioned("The Budget was late.") == set()


@pytest.mark.parametrize("title", ["", "...", "It", "A", "Up", "word " * 40])
def test_a_title_too_short_or_too_long_to_be_a_name_is_none(title: str) -> None:
    titles, _ = shelf(title)
    assert titles.mentioned(f"And {title.title()} was there. {title}") == set()


NAMES = st.lists(
    st.sampled_from(["Ada Lovelace", "Ada", "Lovelace", "Warsaw", "New York", "York Minster"]),
    max_size=6,
)


@given(names=NAMES, filler=st.text(max_size=30))
def test_only_titles_whose_words_stand_in_the_text_are_found(names: list[str], filler: str) -> None:
    titles, ids = shelf("Ada Lovelace", "Warsaw", "York Minster", filler)
    text = f" {filler} ".join(names)
    words = set(title_key(text))
    for title, document in ids.items():
        if document in titles.mentioned(text):
            assert set(title_key(title)) <= words


def walk(scores: list[float], *links: tuple[int, int]) -> Scores:
    matrix = np.zeros((len(scores), len(scores)), dtype=np.float32)
    for start, end in links:
        matrix[start, end] = 1
    return pagerank(np.array(scores, dtype=np.float32), matrix)


def test_without_links_the_order_stays() -> None:
    assert np.argsort(-walk([0.2, 0.9, 0.5])).tolist() == [1, 2, 0]
    assert np.isfinite(walk([0.0, 0.0])).all()


def test_what_the_best_one_names_rises_above_what_is_only_similar() -> None:
    scores = [1.0, 0.6, 0.1]
    assert np.argsort(-walk(scores)).tolist() == [0, 1, 2]
    assert np.argsort(-walk(scores, (0, 2))).tolist() == [0, 2, 1]


def test_what_names_the_best_one_rises_too_but_less() -> None:
    named, naming = walk([1.0, 0.1], (0, 1)), walk([1.0, 0.1], (1, 0))
    alone = walk([1.0, 0.1])
    assert named[1] > alone[1]
    assert naming[1] > alone[1]


def test_what_two_good_ones_name_rises_above_what_one_names() -> None:
    found = walk([1.0, 0.9, 0.1, 0.1], (0, 2), (1, 2), (0, 3))
    assert found[2] > found[3]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Scores, NDArray[np.float32]]:
    count = draw(st.integers(1, 30))
    scores = draw(st.lists(st.floats(0, 1, width=32), min_size=count, max_size=count))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    links = np.zeros((count, count), dtype=np.float32)
    for start, end in draw(st.lists(pairs, max_size=60)):
        links[start, end] = float(start != end)
    return np.array(scores, dtype=np.float32), links


@given(graph=graphs())
def test_a_walk_gives_everybody_a_finite_score_and_ignores_the_order_of_the_nodes(
    graph: tuple[Scores, NDArray[np.float32]],
) -> None:
    scores, links = graph
    found = pagerank(scores, links, seeds=len(scores))
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    back = np.arange(len(scores))[::-1]
    turned = pagerank(scores[back], links[np.ix_(back, back)], seeds=len(scores))
    assert np.allclose(turned[back], found, atol=1e-4)
