"""A process that applies a change and saves it many times, and so on until it is killed."""

import sys
from pathlib import Path

import numpy as np

from citewell.index.projection import Projection
from tests.contract.index_sample import ENGINES, Sampler

SAVES = 20

if __name__ == "__main__":
    folder, engine, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    projection = Projection.open(folder, ENGINES[engine])
    sample = Sampler(np.random.default_rng(seed), next_key=projection.snapshot.position * 8 + 1)
    while True:
        position = projection.snapshot.position + 1
        projection.apply(position, [], sample.version(8))
        print(f"saving {position}", flush=True)
        # Often, so that a kill at any moment falls into a save.
        for _ in range(SAVES):
            projection.save()
        print(f"saved {position}", flush=True)
