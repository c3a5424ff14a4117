"""What every engine of the index promises: it finds what was put in, and nothing else."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import numpy as np
import pytest

from citewell.index.index import Terms
from citewell.index.projection import Projection
from citewell.index.snapshot import Snapshot
from tests.contract.index_sample import (
    WORDS,
    Opener,
    Sampler,
    Truth,
    fill,
    keys_of,
    overlap,
    same,
)

# Vectors are kept in 16 bits; a cosine of unit vectors is off by less than this.
TOLERANCE = 2e-3
READERS = 8
CHANGES = 30


def results(snapshot: Snapshot, sample: Sampler) -> list[tuple[list[int], list[float]]]:
    """Answers to fixed questions, to compare two snapshots by."""
    dice = np.random.default_rng(7)
    hits = [snapshot.search_dense(vector, 10) for vector in dice.normal(size=(5, 16))]
    hits += [snapshot.search_lexical(Terms(dice.choice(WORDS, 3).tolist()), 10) for _ in range(5)]
    return [(one.keys.tolist(), one.scores.tolist()) for one in hits]


def test_an_empty_projection_finds_nothing(open_projection: Opener, sample: Sampler) -> None:
    snapshot = open_projection().snapshot
    assert (snapshot.position, snapshot.size, snapshot.recall) == (0, 0, 1.0)
    assert not len(snapshot.search_dense(sample.query(), 5).keys)
    assert not len(snapshot.search_lexical(Terms(["word1"]), 5).keys)
    assert np.isnan(snapshot.pick(keys_of([1])).cosines(sample.query()).whole).all()
    assert snapshot.pick(keys_of([1, 2])).bm25(Terms(["word1"])).tolist() == [0, 0]
    assert snapshot.keys().tolist() == []


def test_a_change_applied_twice_is_applied_once(open_projection: Opener, sample: Sampler) -> None:
    versions = sample.versions(20)
    once, twice = open_projection("once"), open_projection("twice")
    for number, version in enumerate(versions, start=1):
        gone = [versions[number - 4][0].version] if number % 4 == 0 else []
        once.apply(number, gone, version)
        for _ in range(2):
            twice.apply(number, gone, version)
    assert twice.snapshot.keys().tolist() == once.snapshot.keys().tolist()
    assert twice.snapshot.lexical.keys().tolist() == once.snapshot.keys().tolist()
    query = sample.query()
    assert same(twice.snapshot.search_dense(query, 999), once.snapshot.search_dense(query, 999))


def test_entries_given_twice_in_one_change_are_found_once(
    open_projection: Opener, sample: Sampler
) -> None:
    version = sample.version(5)
    projection = open_projection()
    projection.apply(1, [], [*version, *version])
    snapshot = projection.snapshot
    assert snapshot.lexical.keys().tolist() == snapshot.keys().tolist() == [1, 2, 3, 4, 5]


def test_a_version_that_comes_in_parts_is_whole(open_projection: Opener, sample: Sampler) -> None:
    version = sample.version(9)
    projection = open_projection()
    projection.apply(1, [], version[:4], replace=False)
    projection.apply(1, [], version[4:], replace=False)
    assert projection.snapshot.keys().tolist() == list(range(1, 10))
    projection.apply(2, [], version[:2])
    assert projection.snapshot.keys().tolist() == [1, 2]
    assert projection.snapshot.lexical.keys().tolist() == [1, 2]


def test_what_was_removed_is_never_found(open_projection: Opener, sample: Sampler) -> None:
    versions = sample.versions(30)
    projection = open_projection()
    truth = fill(projection, versions)
    position = projection.snapshot.position
    for number, version in enumerate(versions[::2], start=position + 1):
        projection.apply(number, [version[0].version], [])
        truth.remove(version[0].version)
        snapshot = projection.snapshot
        gone = keys_of(entry.key for entry in version)
        query = version[0].vectors[0].astype(np.float32)
        assert not set(snapshot.search_dense(query, 300).keys) & set(gone)
        assert not set(snapshot.search_lexical(Terms(WORDS), 300).keys) & set(gone)
        assert not set(snapshot.search_dense(query, 300, gone).keys)
        assert np.isnan(snapshot.pick(gone).cosines(query).whole).all()
        assert not snapshot.pick(gone).bm25(Terms(WORDS)).any()
        assert not any(snapshot.pick(gone).documents().tobytes())
        assert not snapshot.pick(gone).parts
        assert snapshot.keys().tolist() == truth.keys()
        assert snapshot.size == len(truth.entries)


def test_what_was_removed_last_leaves_an_empty_projection_that_goes_on(
    open_projection: Opener, sample: Sampler
) -> None:
    projection = open_projection()
    versions = sample.versions(9)
    fill(projection, versions)
    projection.apply(10, [version[0].version for version in versions], [])
    assert projection.snapshot.keys().tolist() == []
    assert not len(projection.snapshot.search_dense(sample.query(), 5).keys)
    later = sample.version(3)
    projection.apply(11, [], later)
    assert projection.snapshot.keys().tolist() == [entry.key for entry in later]


def test_the_nearest_are_found_with_their_cosines(open_projection: Opener, sample: Sampler) -> None:
    projection = open_projection()
    truth = fill(projection, sample.versions(60), at_once=7)
    found = 0.0
    for _ in range(100):
        query = sample.query()
        hits = projection.snapshot.search_dense(query, 10)
        assert len(hits.keys) == 10
        assert (np.diff(hits.scores) <= 0).all()
        expected = [truth.cosine(query, key)[0] for key in hits.keys.tolist()]
        assert np.allclose(hits.scores, expected, atol=TOLERANCE)
        found += overlap(truth.nearest(query, 10), hits.keys)
    assert found / 100 >= 0.98


def test_a_large_collection_that_comes_at_once_is_searched_as_well_as_measured(
    open_projection: Opener, sample: Sampler
) -> None:
    projection = open_projection()
    version = sample.version(3000)
    projection.apply(1, [], version)
    snapshot = projection.snapshot
    ((block, _),) = snapshot.blocks
    assert bool(block.probes) == (projection.settings.exact_below <= 3000)
    assert snapshot.recall >= 0.98
    keys = np.array([entry.key for entry in version])
    matrix = np.array([entry.vectors[0] for entry in version], dtype=np.float32)
    found = 0.0
    for _ in range(200):
        query = sample.query()
        expected = keys[np.argsort(-(matrix @ query))[:10]].tolist()
        found += overlap(expected, snapshot.search_dense(query, 10).keys)
    assert found / 200 >= 0.98


def test_all_are_found_when_as_many_are_asked_for(open_projection: Opener, sample: Sampler) -> None:
    projection = open_projection()
    truth = fill(projection, sample.versions(30))
    hits = projection.snapshot.search_dense(sample.query(), 10_000)
    assert sorted(hits.keys.tolist()) == truth.keys()
    assert not len(projection.snapshot.search_dense(sample.query(), 0).keys)


@pytest.mark.parametrize("field_weight", [0.0, 0.3, 2.0])
def test_words_are_scored_by_bm25(
    open_projection: Opener, sample: Sampler, field_weight: float
) -> None:
    projection = open_projection()
    truth = fill(projection, sample.versions(12))
    for _ in range(20):
        terms = Terms([*sample.terms(6).split(), "nowhere"], field_weight)
        expected = truth.bm25(terms)
        expected = {key: score for key, score in expected.items() if score}
        hits = projection.snapshot.search_lexical(terms, 1000)
        assert set(hits.keys.tolist()) == set(expected)
        assert (np.diff(hits.scores) <= 0).all()
        wanted = [expected[key] for key in hits.keys.tolist()]
        assert np.allclose(hits.scores, wanted, rtol=1e-3)
        best = projection.snapshot.search_lexical(terms, 3)
        assert np.allclose(best.scores, hits.scores[:3])


def test_any_chunks_can_be_scored_and_unknown_ones_are_told_apart(
    open_projection: Opener, sample: Sampler
) -> None:
    projection = open_projection()
    truth = fill(projection, sample.versions(20))
    keys = np.array([10**9, 5, 1, 160, 5, 0], dtype=np.int64)
    query, terms = sample.query(), Terms(["word1", "word2", "word1"])
    scores = projection.snapshot.pick(keys).cosines(query)
    known = [truth.cosine(query, key) if key in truth.entries else (np.nan,) * 2 for key in keys]
    assert np.allclose(scores.whole, [one[0] for one in known], atol=TOLERANCE, equal_nan=True)
    assert np.allclose(scores.window, [one[1] for one in known], atol=TOLERANCE, equal_nan=True)
    expected = truth.bm25(terms)
    wanted = [expected.get(key, 0.0) for key in keys.tolist()]
    assert np.allclose(projection.snapshot.pick(keys).bm25(terms), wanted, rtol=1e-3)
    assert projection.snapshot.pick(keys).bm25(Terms([])).tolist() == [0] * len(keys)
    documents = projection.snapshot.pick(keys).documents()
    assert documents[1].tobytes() == truth.entries[5].document.bytes
    assert not any(documents[0].tobytes())
    # What is not there takes no part in a mean.
    mean = projection.snapshot.pick(keys).mean(np.array([0, 1, 2]))
    known_rows = [truth.entries[key].vectors[0].astype(np.float32) for key in (5, 1)]
    assert np.allclose(mean, np.mean(known_rows, axis=0), atol=TOLERANCE)
    assert not projection.snapshot.pick(keys).mean(np.array([0])).any()


@pytest.mark.parametrize("field_weight", [0.0, 0.3, 2.0])
def test_known_chunks_have_the_score_that_a_search_would_give_them(
    open_projection: Opener, sample: Sampler, field_weight: float
) -> None:
    projection = open_projection()
    truth = fill(projection, sample.versions(40), at_once=3)
    projection = reopened(open_projection, projection)
    keys = keys_of(truth.entries)
    for _ in range(20):
        terms = Terms([*sample.terms(6).split(), "nowhere"], field_weight)
        expected = truth.bm25(terms)
        scores = projection.snapshot.pick(keys).bm25(terms)
        assert np.allclose(scores, [expected.get(k, 0.0) for k in keys.tolist()], rtol=1e-3)
        hinted = replace(terms, parts=[*terms.body, "word7", "word8"])
        hits = projection.snapshot.search_lexical(hinted, len(keys))
        assert np.allclose(projection.snapshot.pick(hits.keys).bm25(hinted), hits.scores, rtol=1e-3)


@pytest.mark.parametrize("most", [1, 2, 5, 99])
def test_the_first_chunks_of_a_document_are_found_however_keys_are_mixed(
    open_projection: Opener, sample: Sampler, most: int
) -> None:
    versions = sample.versions(12, 6)
    entries = [entry for version in versions for entry in version]
    keys = sample.dice.permutation(len(entries)) + 1
    mixed = [replace(e, key=int(k)) for e, k in zip(entries, keys, strict=True)]
    projection = open_projection()
    # In parts, too: a version may come in more than one change.
    projection.apply(1, [], mixed[::2], replace=False)
    projection.apply(1, [], mixed[1::2], replace=False)
    projection.apply(2, [entries[0].version], [])
    asked = {entries[0].document, entries[9].document, entries[-1].document, uuid4()}
    expected = [
        sorted(e.key for e in mixed if e.document == document)[:most]
        for document in asked - {entries[0].document}
    ]
    found = projection.snapshot.keys_of(asked, most)
    assert found.tolist() == sorted(key for keys in expected for key in keys)
    assert projection.snapshot.keys_of(set(), most).tolist() == []
    assert open_projection("empty").snapshot.keys_of(asked, most).tolist() == []


@pytest.mark.parametrize("size", [0, 1, 7, 100, 400])
def test_only_what_is_allowed_is_found_and_all_of_it(
    open_projection: Opener, sample: Sampler, size: int
) -> None:
    projection = open_projection()
    versions = sample.versions(60)
    truth = fill(projection, versions, at_once=12)
    projection.apply(99, [versions[3][0].version], [])
    truth.remove(versions[3][0].version)
    drawn = sample.dice.choice(np.arange(1, 481), size, replace=False)
    allowed = keys_of([*drawn.tolist(), 10**6])
    found = 0.0
    for _ in range(20):
        query = sample.query()
        expected = truth.nearest(query, 5, allowed.tolist())
        hits = projection.snapshot.search_dense(query, 5, allowed)
        assert len(hits.keys) == len(expected)
        assert set(hits.keys.tolist()) <= {*allowed.tolist()}
        found += overlap(expected, hits.keys) if expected else 1.0
        terms = Terms(sample.terms(6).split())
        scored = projection.snapshot.search_lexical(terms, 1000, allowed).keys.tolist()
        matching = projection.snapshot.search_lexical(terms, 1000).keys.tolist()
        assert scored == [key for key in matching if key in set(allowed.tolist())]
    assert found / 20 >= 0.98


def test_a_snapshot_stays_as_it_was(open_projection: Opener, sample: Sampler) -> None:
    projection = open_projection()
    taken: list[tuple[Snapshot, object]] = []
    versions = sample.versions(20)
    for number, version in enumerate(versions, start=1):
        gone = [versions[number // 2][0].version] if number % 3 == 0 else []
        projection.apply(number, gone, version)
        if number % 5 == 0:
            taken.append((projection.snapshot, results(projection.snapshot, sample)))
    projection.save()
    projection.clear()
    projection.apply(1, [], sample.version(4))
    projection.close()
    for snapshot, before in taken:
        assert results(snapshot, sample) == before
    assert [snapshot.position for snapshot, _ in taken] == list(range(5, 21, 5))


def test_readers_never_see_a_change_half_done(open_projection: Opener, sample: Sampler) -> None:
    projection = open_projection()
    versions = sample.versions(CHANGES)
    history = {0: Truth()}
    for number, version in enumerate(versions, start=1):
        truth = Truth(dict(history[number - 1].entries))
        truth.remove(versions[number - 2][0].version if number % 3 == 0 else uuid4())
        truth.entries.update({entry.key: entry for entry in version})
        history[number] = truth
    queries = [sample.query() for _ in range(16)]
    done = threading.Event()

    def read(which: int) -> int:
        looks = 0
        while not done.is_set() or not looks:
            snapshot, query = projection.snapshot, queries[(looks + which) % 16]
            looks += 1
            check_against(snapshot, history[snapshot.position], query)
        return looks

    def write() -> None:
        try:
            for number, version in enumerate(versions, start=1):
                gone = [versions[number - 2][0].version] if number % 3 == 0 else []
                projection.apply(number, gone, version)
        finally:
            done.set()

    with ThreadPoolExecutor(READERS + 1) as pool:
        readers = [pool.submit(read, which) for which in range(READERS)]
        pool.submit(write).result(timeout=120)
        assert all(reader.result(timeout=60) for reader in readers)
    assert projection.snapshot.position == CHANGES


def check_against(snapshot: Snapshot, truth: Truth, query: np.ndarray) -> None:
    """Everything that can be read of the snapshot belongs to one moment."""
    assert snapshot.keys().tolist() == truth.keys()
    hits = snapshot.search_dense(query, 20)
    assert set(hits.keys.tolist()) <= set(truth.entries)
    assert len(hits.keys) == min(20, len(truth.entries))
    words = snapshot.search_lexical(Terms(WORDS), 1000).keys
    assert sorted(words.tolist()) == truth.keys()


def reopened(open_projection: Opener, projection: Projection) -> Projection:
    projection.save()
    return open_projection()


def rebuilt(open_projection: Opener, projection: Projection) -> Projection:
    projection.save()
    first = open_projection()
    first.save()
    return open_projection()


@pytest.mark.parametrize("again", [reopened, rebuilt])
def test_what_was_saved_opens_with_equal_results(
    open_projection: Opener,
    sample: Sampler,
    again: Callable[[Opener, Projection], Projection],
) -> None:
    projection = open_projection()
    versions = sample.versions(40)
    fill(projection, versions)
    projection.apply(41, [versions[0][0].version, versions[7][0].version], [])
    other = again(open_projection, projection)
    assert other.damage == ""
    assert other.saved_position == other.snapshot.position == 41
    assert other.snapshot.keys().tolist() == projection.snapshot.keys().tolist()
    assert other.snapshot.recall == projection.snapshot.recall
    assert results(other.snapshot, sample) == results(projection.snapshot, sample)
    other.apply(42, [versions[1][0].version], [])
    projection.apply(42, [versions[1][0].version], [])
    assert results(other.snapshot, sample) == results(projection.snapshot, sample)
