"""Every index engine, opened in the same way."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.contract.index_sample import ENGINES, Opener, Sampler


@pytest.fixture(params=ENGINES.values(), ids=list(ENGINES))
def open_projection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens a projection of this test's engine by name; the same name is the same projection."""
    opener = Opener(tmp_path, request.param)
    yield opener
    opener.close()


@pytest.fixture
def sample(seed: int) -> Sampler:
    """Draws entries and questions from the test's seed."""
    return Sampler(np.random.default_rng(seed))
