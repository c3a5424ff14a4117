"""The words of known chunks: what is counted, and what a question's terms make of it."""

from collections import Counter
from uuid import uuid4

import numpy as np
import pytest

from citewell.index.forward import MOST_TIMES, SIEVE, SLICE, Forward, Wanted, forward_of
from citewell.index.index import Entry, Vector
from tests.contract.index_sample import Sampler

ROW = np.ones((1, 2), dtype=np.float16)


def words_of(*texts: str, fields: str = "") -> Forward:
    return forward_of(
        [Entry(n, uuid4(), uuid4(), text, fields, ROW) for n, text in enumerate(texts)]
    )


def scores(words: Forward, *terms: str) -> Vector:
    weights = np.ones((len(terms), 2), dtype=np.float32)
    averages = (words.total / len(words.lengths)).astype(np.float32)
    return words.bm25(Wanted.of(terms, weights, averages), np.arange(len(words.lengths)))


def counted(words: Forward, at: int) -> dict[int, tuple[int, int]]:
    mine = slice(words.starts[at], words.starts[at + 1])
    pairs = map(tuple, words.counts[mine].tolist())
    return dict(zip(words.terms[mine].tolist(), pairs, strict=True))


def test_every_term_is_counted_in_its_field(seed: int) -> None:
    entries = Sampler(np.random.default_rng(seed)).version(SLICE // 2 + 3)
    entries += Sampler(np.random.default_rng(seed + 1)).version(SLICE // 2 + 3)
    words = forward_of(entries)
    for at, entry in enumerate(entries):
        body, beside = Counter(entry.terms.split()), Counter(entry.field_terms.split())
        expected = sorted((body[term], beside[term]) for term in {*body, *beside})
        assert sorted(counted(words, at).values()) == expected
        assert words.lengths[at].tolist() == [body.total(), beside.total()]
    assert words.total.tolist() == words.lengths.sum(0).tolist()


def test_taken_chunks_come_in_the_order_asked_for() -> None:
    words = words_of("a b b", "", "c", "a c c c", fields="a")
    taken = words.take(np.array([3, 1, 3]))
    assert [counted(taken, n) for n in range(3)] == [counted(words, n) for n in (3, 1, 3)]
    assert taken.lengths.tolist() == [[4, 1], [0, 1], [4, 1]]
    assert not len(words.take(np.array([], dtype=np.int64)).terms)


def test_a_chunk_without_words_scores_nothing_and_disturbs_nobody() -> None:
    assert scores(words_of("", "a", ""), "a").tolist() == pytest.approx([0, 0.55, 0])
    assert scores(words_of("", ""), "a").tolist() == [0, 0]


def test_a_term_that_only_shares_its_place_in_the_sieve_scores_nothing() -> None:
    (wanted,) = words_of("wanted").terms.tolist()
    names = (f"term{n}" for n in range(10**6))
    other = next(n for n in names if words_of(n).terms[0] % SIEVE == wanted % SIEVE)
    assert scores(words_of(other, "wanted"), "wanted").tolist()[0] == 0


def test_a_term_beyond_counting_counts_as_often_as_can_be_told() -> None:
    words = words_of("a " * 1000)
    assert words.counts.tolist() == [[MOST_TIMES, 0]]
    assert words.lengths.tolist() == [[1000, 0]]


def test_a_term_has_the_same_checksum_in_every_process() -> None:
    # It is kept on disk: Python's own hash differs from one process to the next.
    assert words_of("citewell").terms.tolist() == [3518062299]
