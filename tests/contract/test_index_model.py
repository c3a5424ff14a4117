"""Whatever is done to a projection in whatever order, it answers like a dictionary."""

import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

import hypothesis.strategies as st
import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from citewell.index.index import Entry, IndexSettings, Terms
from citewell.index.projection import Projection
from tests.contract.index_sample import ENGINES, WORDS, Sampler, Truth

MOST = 10_000


class ProjectionMachine(RuleBasedStateMachine):
    """Applies the same changes to a projection and to a dictionary."""

    engine: ClassVar[IndexSettings]

    @initialize(seed=st.integers(0, 2**32 - 1))
    def begin(self, seed: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.sample = Sampler(np.random.default_rng(seed))
        self.projection = Projection.open(self.folder, self.engine)
        self.truth = Truth()
        self.saved: tuple[int, dict[int, Entry]] = (0, {})
        self.position = 0

    @rule(sizes=st.lists(st.sampled_from([1, 3, 20, 70]), min_size=1, max_size=3))
    def add(self, sizes: list[int]) -> None:
        entries = [entry for size in sizes for entry in self.sample.version(size)]
        self.apply([], entries)

    @precondition(lambda self: self.truth.entries)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        known = sorted({entry.version for entry in self.truth.entries.values()})
        gone = data.draw(st.lists(st.sampled_from(known), min_size=1, unique=True))
        self.apply([*gone], [])

    @precondition(lambda self: self.truth.entries)
    @rule(data=st.data())
    def replace(self, data: st.DataObject) -> None:
        """A version comes again, as after a crash between applying and saving, or in part."""
        known = sorted({entry.version for entry in self.truth.entries.values()})
        version = data.draw(st.sampled_from(known))
        entries = [e for e in self.truth.entries.values() if e.version == version]
        kept = data.draw(st.lists(st.sampled_from(entries), min_size=1, unique_by=lambda e: e.key))
        self.apply([version] if data.draw(st.booleans()) else [], kept)

    @rule()
    def save(self) -> None:
        self.projection.save()
        self.saved = (self.position, dict(self.truth.entries))

    @rule()
    def lose_what_is_not_saved(self) -> None:
        self.projection.close()
        self.projection = Projection.open(self.folder, self.engine)
        assert self.projection.damage == ""
        self.position, self.truth = self.saved[0], Truth(dict(self.saved[1]))

    @rule()
    def clear(self) -> None:
        self.projection.clear()
        self.position, self.truth, self.saved = 0, Truth(), (0, {})

    def apply(self, gone: list[object], entries: list[Entry]) -> None:
        self.position += 1
        self.projection.apply(self.position, gone, entries)  # type: ignore[arg-type]  # UUIDs
        for version in [*gone, *(entry.version for entry in entries)]:
            self.truth.remove(version)  # type: ignore[arg-type]  # UUIDs
        self.truth.entries.update({entry.key: entry for entry in entries})

    @invariant()
    def holds_what_the_dictionary_holds(self) -> None:
        snapshot = self.projection.snapshot
        assert snapshot.position == self.position
        assert snapshot.keys().tolist() == self.truth.keys()
        assert snapshot.lexical.keys().tolist() == self.truth.keys()
        assert snapshot.size == len(self.truth.entries)

    @invariant()
    def finds_what_the_dictionary_finds(self) -> None:
        snapshot, query = self.projection.snapshot, self.sample.query()
        hits = snapshot.search_dense(query, MOST)
        expected = {key: self.truth.cosine(query, key)[0] for key in self.truth.entries}
        assert sorted(hits.keys.tolist()) == self.truth.keys()
        wanted = [expected[key] for key in hits.keys.tolist()]
        assert np.allclose(hits.scores, wanted, atol=2e-3)
        word = str(self.sample.dice.choice(WORDS))
        found = snapshot.search_lexical(Terms([word], field_weight=0.0), MOST).keys.tolist()
        entries = self.truth.entries.values()
        assert sorted(found) == sorted(e.key for e in entries if word in e.terms.split())

    def teardown(self) -> None:
        if hasattr(self, "projection"):
            self.projection.close()
            shutil.rmtree(self.folder)


class ExactMachine(ProjectionMachine):
    engine = ENGINES["exact"]


class TrainedMachine(ProjectionMachine):
    engine = ENGINES["trained"]


BOUNDED = settings(
    max_examples=15,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)

TestExact = ExactMachine.TestCase
TestExact.settings = BOUNDED
TestTrained = TrainedMachine.TestCase
TestTrained.settings = BOUNDED
