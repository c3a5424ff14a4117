"""Blocks of vectors: what is alive is found, whichever engine holds it."""

import faiss
import numpy as np
import pytest

from citewell.index.blocks import Block, make_block, merge_blocks
from citewell.index.engines import trained_engine
from citewell.index.index import Entry, IndexSettings
from tests.contract.index_sample import Sampler

ENGINES = {"exact": IndexSettings(), "trained": IndexSettings(exact_below=32)}


@pytest.fixture
def dice(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def sample(dice: np.random.Generator) -> Sampler:
    return Sampler(dice)


@pytest.fixture(params=ENGINES.values(), ids=list(ENGINES))
def settings(request: pytest.FixtureRequest) -> IndexSettings:
    found: IndexSettings = request.param
    return found


def rows_of(block: Block, key: int) -> np.ndarray:
    (at,) = block.positions(np.array([key]))
    return block.rows[block.offsets[at] : block.offsets[at + 1]]


def test_a_block_gives_back_what_was_put_in(sample: Sampler, settings: IndexSettings) -> None:
    entries = sample.version(60)
    block = make_block(entries[::-1], settings)
    assert block.keys.tolist() == [entry.key for entry in entries]
    assert bool(block.probes) is (settings.exact_below < 60)
    for entry in entries:
        assert np.array_equal(rows_of(block, entry.key), entry.vectors)
    assert [one.tobytes() for one in block.documents] == [e.document.bytes for e in entries]
    assert [one.tobytes() for one in block.versions] == [e.version.bytes for e in entries]


def test_the_last_of_equal_keys_counts(sample: Sampler, settings: IndexSettings) -> None:
    (first,), (second,) = sample.version(1), sample.version(1)
    newer = Entry(first.key, second.document, second.version, "", "", second.vectors)
    block = make_block([first, newer], settings)
    assert block.size == 1
    assert np.array_equal(rows_of(block, first.key), second.vectors)


def test_merging_keeps_what_is_alive_in_order_of_key(
    sample: Sampler, settings: IndexSettings
) -> None:
    one, two = sample.version(50), sample.version(40)
    # Keys of two documents that were taken in together lie between each other.
    mixed = [*one[::2], *two[::2]], [*one[1::2], *two[1::2]]
    blocks = [make_block(entries, settings) for entries in mixed]
    alive = sample.dice.random(blocks[0].size) < 0.5
    alive[0] = True
    merged = merge_blocks([(blocks[0], alive), (blocks[1], None)], settings)
    assert merged is not None
    kept = sorted([*blocks[0].keys[alive].tolist(), *blocks[1].keys.tolist()])
    assert merged.keys.tolist() == kept
    by_key = {entry.key: entry for entry in [*one, *two]}
    for key in kept:
        assert np.array_equal(rows_of(merged, key), by_key[key].vectors)
    fresh = make_block([by_key[key] for key in kept], settings)
    for part in ("starts", "terms", "counts", "lengths", "total"):
        assert np.array_equal(getattr(merged.words, part), getattr(fresh.words, part))


def test_nothing_alive_merges_to_nothing(sample: Sampler, settings: IndexSettings) -> None:
    block = make_block(sample.version(5), settings)
    assert merge_blocks([(block, np.zeros(5, dtype=np.bool_))], settings) is None


@pytest.mark.parametrize("living", [0, 1, 3, 200])
def test_all_that_live_are_found_however_few_they_are(
    sample: Sampler, settings: IndexSettings, living: int
) -> None:
    block = make_block(sample.version(200), settings)
    alive = np.zeros(200, dtype=np.bool_)
    alive[sample.dice.choice(200, living, replace=False)] = True
    hits = block.search(sample.query(), 500, alive)
    assert sorted(hits.keys.tolist()) == block.keys[alive].tolist()
    assert (np.diff(hits.scores) <= 0).all()


def test_a_key_that_is_not_there_has_no_place(sample: Sampler, settings: IndexSettings) -> None:
    block = make_block(sample.version(40), settings)
    asked = np.array([0, 1, 40, 41, 10**12], dtype=np.int64)
    assert block.positions(asked).tolist() == [-1, 0, 39, -1, -1]


def test_a_trained_block_measures_its_own_recall(sample: Sampler) -> None:
    entries = sample.version(1500)
    block = make_block(entries, IndexSettings(exact_below=100, recall=0.9))
    assert 0.9 <= block.recall <= 1
    better = make_block(entries, IndexSettings(exact_below=100, recall=0.999))
    assert better.recall >= 0.999
    assert better.probes >= block.probes > 0


def test_what_codes_find_is_ordered_and_scored_by_the_vectors_themselves(sample: Sampler) -> None:
    block = make_block(sample.version(1500), IndexSettings(exact_below=100))
    assert isinstance(block.engine, faiss.IndexIVFPQFastScan)
    for query in (sample.query() for _ in range(20)):
        hits = block.search(query, 30, None)
        assert np.allclose(hits.scores, block.whole(block.positions(hits.keys)) @ query, atol=1e-6)
        assert (np.diff(hits.scores) <= 0).all()


@pytest.mark.parametrize(
    ("numbers", "chunks"), [(16, 200), (18, 1500)], ids=["too few to learn from", "no fours"]
)
def test_vectors_that_cannot_have_codes_are_kept_as_they_are(
    dice: np.random.Generator, numbers: int, chunks: int
) -> None:
    vectors = dice.normal(size=(chunks, numbers)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    engine, _, recall = trained_engine(vectors, 0.98)
    assert isinstance(engine, faiss.IndexIVFScalarQuantizer)
    assert recall >= 0.98


def test_vectors_whose_codes_never_reach_the_recall_are_kept_as_they_are(
    dice: np.random.Generator,
) -> None:
    # Without any structure, four bits for four numbers tell too little.
    vectors = dice.normal(size=(20_000, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    engine, _, recall = trained_engine(vectors, 0.999)
    assert isinstance(engine, faiss.IndexIVFScalarQuantizer)
    assert recall >= 0.999
