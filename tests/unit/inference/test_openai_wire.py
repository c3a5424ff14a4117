"""Answers of an embedding server: exactly what was asked for, or refused."""

import math

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.domain.errors import UpstreamError
from citewell.inference.openai_wire import SHOWN_CHARACTERS, explain, vectors


def answer(*items: object) -> bytes:
    return orjson.dumps({"object": "list", "data": list(items)})


def test_vectors_come_in_the_order_of_the_texts_at_length_one() -> None:
    second = {"index": 1, "embedding": [0.0, 5.0]}
    first = {"index": 0, "embedding": [3.0, 4.0]}
    found = vectors(answer(second, first), 2, 2)
    assert found.dtype == np.float32
    assert np.allclose(found, np.array([[0.6, 0.8], [0.0, 1.0]]))


def test_without_numbers_they_are_in_order_already() -> None:
    found = vectors(answer({"embedding": [1, 0]}, {"embedding": [0, 2]}), 2, 0)
    assert found.tolist() == [[1, 0], [0, 1]]


WRONG: dict[str, tuple[bytes, int]] = {
    "not JSON": (b"<html>", 1),
    "nothing": (b"", 1),
    "another thing": (b'{"error": "no"}', 1),
    "too few": (answer({"embedding": [1, 0]}), 2),
    "too many": (answer({"embedding": [1, 0]}, {"embedding": [1, 0]}), 1),
    "one twice": (answer(*[{"index": 0, "embedding": [1, 0]}] * 2), 2),
    "another dimension": (answer({"embedding": [1, 0, 0]}), 1),
    "unequal": (answer({"embedding": [1, 0]}, {"embedding": [1]}), 2),
    "nested": (answer({"embedding": [[1, 0]]}), 1),
    "words": (answer({"embedding": ["a", "b"]}), 1),
    "nothing in it": (answer({"embedding": [None, 1]}), 1),
    "zeros": (answer({"embedding": [0, 0]}), 1),
    "beyond measure": (answer({"embedding": [1e300, 0]}), 1),
    "not finite": (b'{"data": [{"embedding": [1e999, 0]}]}', 1),
    "not a number": (b'{"data": [{"embedding": [NaN, 0]}]}', 1),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_answer_that_is_not_one_vector_per_text_is_refused(name: str) -> None:
    content, count = WRONG[name]
    with pytest.raises(UpstreamError) as refused:
        vectors(content, count, 2)
    assert refused.value.hint


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["data", "index", "embedding", "x"]), inner, max_size=3
    ),
    max_leaves=12,
)  # fmt: skip


@given(said=VALUES, count=st.integers(1, 2))
def test_whatever_is_said_gives_unit_vectors_or_a_refusal(said: object, count: int) -> None:
    for content in (orjson.dumps(said), orjson.dumps({"data": said})):
        try:
            found = vectors(content, count, 0)
        except UpstreamError:
            continue
        assert len(found) == count
        assert all(math.isclose(float(np.linalg.norm(row)), 1, rel_tol=1e-3) for row in found)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"error": {"message": "No such\\n model.", "code": 1}}', "No such model."),
        (b'{"error": "No such model."}', "No such model."),
        (b'{"detail": "Not here."}', "Not here."),
        (b"Bad gateway", "Bad gateway"),
        (b"\xff", "\ufffd"),
        (b"", ""),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_server(content: bytes, said: str) -> None:
    assert explain(content) == said


@given(content=st.binary(max_size=600) | st.text(max_size=600).map(str.encode))
def test_what_a_server_says_is_cut_to_one_line(content: bytes) -> None:
    said = explain(content)
    assert len(said) <= SHOWN_CHARACTERS
    assert len(said.splitlines()) <= 1
