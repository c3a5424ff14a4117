"""One fusion rule: each side by its own maximum, both sides known of every candidate."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.domain.documents import TextKind
from citewell.index.index import EMPTY_KEYS, IndexSettings, Terms
from citewell.index.projection import Projection
from citewell.retrieval.fusion import (
    NOTHING,
    Candidates,
    fuse,
    gather,
    join,
    lift,
    unscored,
)
from citewell.retrieval.question import Asked
from tests.contract.index_sample import Sampler, Truth, fill, keys_of

TOLERANCE = 2e-3


def candidates(cosines: list[float], words: list[float], documents: str = "") -> Candidates:
    """Candidates with keys from 1; `documents` names the document of each by a letter."""
    count = len(cosines)
    names = documents or "".join(chr(ord("a") + n) for n in range(count))
    whole = np.array(cosines, dtype=np.float32)
    nothing = np.zeros(count, dtype=np.float32)
    return Candidates(
        keys=np.arange(1, count + 1),
        origin=np.zeros(count, dtype=np.int64),
        documents=np.array([name.encode() * 16 for name in names], dtype="V16"),
        whole=whole,
        window=whole,
        bm25=np.array(words, dtype=np.float32),
        fused=nothing,
        final=nothing,
    )


def asked(terms: list[str], weight: float = 0.5) -> Asked:
    return Asked(" ".join(terms), "en", TextKind.PROSE, Terms(terms), weight)


def test_each_side_counts_by_its_share_of_its_own_maximum() -> None:
    found = fuse(candidates([0.8, 0.4, 0.0], [0.0, 5.0, 20.0]), 0.25)
    expected = [0.25 * 1.0, 0.25 * 0.5 + 0.75 * 0.25, 0.75 * 1.0]
    assert found.final.tolist() == pytest.approx(expected)
    assert found.fused.tolist() == found.final.tolist()


def test_a_chunk_counts_by_its_whole_and_its_best_window_alike() -> None:
    found = replace(candidates([0.2, 0.6], [0, 0]), window=np.array([0.8, 0.2], dtype=np.float32))
    assert found.cosine.tolist() == pytest.approx([0.5, 0.4])
    assert fuse(found, 1.0).order().tolist() == [0, 1]


def test_a_side_that_found_nothing_takes_nothing_away() -> None:
    assert fuse(candidates([0.3, 0.6], [0, 0]), 0.5).final.tolist() == pytest.approx([0.25, 0.5])
    # A cosine below zero is no nearness.
    assert fuse(candidates([-0.3, -0.6], [4, 2]), 0.5).final.tolist() == pytest.approx([0.5, 0.25])


SCORES = st.lists(
    st.tuples(st.floats(-1, 1, width=32), st.floats(0, 100, width=32)), min_size=1, max_size=20
)


@given(scores=SCORES, weight=st.floats(0, 1))
def test_a_fused_score_lies_between_none_and_all_and_grows_with_both_sides(
    scores: list[tuple[float, float]], weight: float
) -> None:
    found = fuse(candidates([c for c, _ in scores], [w for _, w in scores]), weight)
    assert ((found.final >= 0) & (found.final <= 1 + 1e-5)).all()
    for at, mine in enumerate(scores):
        for other, theirs in enumerate(scores):
            if mine[0] >= theirs[0] and mine[1] >= theirs[1]:
                assert found.final[at] >= found.final[other] - 1e-6


def test_equal_scores_are_in_order_of_key() -> None:
    found = fuse(candidates([0.5, 0.7, 0.5, 0.7], [0, 0, 0, 0]), 1.0)
    assert found.keys[found.order()].tolist() == [2, 4, 1, 3]


def test_a_chunk_is_lifted_by_the_best_of_its_document() -> None:
    found = fuse(candidates([0.9, 0.5, 0.6], [0, 0, 0], "aab"), 1.0)
    lifted = lift(found)
    assert lifted.keys[lifted.order()].tolist() == [1, 2, 3]
    assert lifted.fused.tolist() == found.fused.tolist()
    # The best of a document keeps its score, so that the best of all stays the best.
    assert lifted.final[0] == pytest.approx(found.final[0])
    assert lifted.final[2] == pytest.approx(found.final[2])
    assert lift(found, 0.0).final.tolist() == pytest.approx(found.final.tolist())


def test_nothing_can_be_fused_lifted_and_ordered_too() -> None:
    assert lift(fuse(NOTHING, 0.5)).order().tolist() == []
    assert join([]) is NOTHING
    assert len(join([NOTHING, NOTHING]).keys) == 0


def test_joined_candidates_remember_which_collection_they_came_from() -> None:
    one, two = candidates([0.1, 0.2], [1, 2]), candidates([0.9], [9])
    joined = join([one, NOTHING, two])
    assert joined.origin.tolist() == [0, 0, 2]
    assert joined.whole.tolist() == pytest.approx([0.1, 0.2, 0.9])
    # A collection's own maximum does not hide that another one matches better.
    assert fuse(joined, 0.5).order()[0] == 2


@pytest.fixture
def projection(tmp_path: Path) -> Iterator[Projection]:
    opened = Projection.open(tmp_path / "projection", IndexSettings())
    yield opened
    opened.close()


@pytest.fixture
def sample(seed: int) -> Sampler:
    return Sampler(np.random.default_rng(seed))


def test_the_side_that_did_not_propose_a_candidate_is_computed_for_it(
    projection: Projection, sample: Sampler
) -> None:
    truth = fill(projection, sample.versions(40))
    query, terms = sample.query(), sample.terms(4).split()
    found = gather(projection.snapshot, asked(terms), query, depth=10)
    near, worded = truth.nearest(query, 10), truth.bm25(Terms(terms))
    keys = found.keys.tolist()
    assert set(near) <= set(keys)
    assert sorted(keys) == sorted(set(keys))
    assert found.bm25.tolist() == pytest.approx([worded.get(k, 0.0) for k in keys], rel=1e-3)
    windows = [truth.cosine(query, key)[1] for key in keys]
    assert np.allclose(found.window, windows, atol=TOLERANCE)
    assert [d.tobytes() for d in found.documents] == [truth.entries[k].document.bytes for k in keys]


def test_feedback_loses_nothing_that_either_side_found(
    projection: Projection, sample: Sampler
) -> None:
    truth = fill(projection, sample.versions(40))
    for _ in range(5):
        query, terms = sample.query(), sample.terms(4).split()
        found = gather(projection.snapshot, asked(terms), query, depth=12)
        worded = projection.snapshot.search_lexical(Terms(terms), 12).keys.tolist()
        assert {*truth.nearest(query, 12), *worded} <= {*found.keys.tolist()}
        assert (fuse(found, 0.5).final > 0).any()


def test_without_a_vector_only_words_propose(projection: Projection, sample: Sampler) -> None:
    truth = fill(projection, sample.versions(20))
    terms = sample.terms(4).split()
    found = gather(projection.snapshot, asked(terms, 0.0), None)
    assert set(found.keys.tolist()) == {k for k, score in truth.bm25(Terms(terms)).items() if score}
    assert not found.whole.any()


def test_without_weight_meaning_proposes_only_when_no_word_matches(
    projection: Projection, sample: Sampler
) -> None:
    truth = fill(projection, sample.versions(20))
    query = sample.query()
    worded = gather(projection.snapshot, asked(["word1"], 0.0), query)
    assert set(worded.keys.tolist()) == {k for k, s in truth.bm25(Terms(["word1"])).items() if s}
    unknown = gather(projection.snapshot, asked(["nowhere"], 0.0), query, depth=5)
    assert set(truth.nearest(query, 5)) <= set(unknown.keys.tolist())


def test_only_what_is_allowed_becomes_a_candidate(projection: Projection, sample: Sampler) -> None:
    fill(projection, sample.versions(30))
    allowed = keys_of([3, 77, 150])
    query, terms = sample.query(), sample.terms(20).split()
    found = gather(projection.snapshot, asked(terms), query, allowed=allowed)
    assert found.keys.tolist() == allowed.tolist()
    nothing = gather(projection.snapshot, asked(terms), query, allowed=EMPTY_KEYS)
    assert nothing.keys.tolist() == []


def test_an_empty_collection_has_no_candidates(projection: Projection, sample: Sampler) -> None:
    found = gather(projection.snapshot, asked(["word1"]), sample.query())
    assert found.keys.tolist() == []
    assert lift(fuse(found, 0.5)).order().tolist() == []


def test_a_chunk_that_the_snapshot_does_not_hold_scores_nothing(
    projection: Projection, sample: Sampler
) -> None:
    truth = Truth.of([version := sample.version(4)])
    projection.apply(1, [], version)
    found = unscored(projection.snapshot.pick(keys_of([1, 999])), asked(["word1"]), sample.query())
    assert found.keys.tolist() == [1, 999]
    assert (found.whole[1], found.window[1], found.bm25[1]) == (0, 0, 0)
    assert 1 in truth.entries
