"""S8: an index that somebody else wrote, sums and all, makes no object of what is in it."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np

from citewell.index.projection import Projection
from tests.contract.index_sample import ENGINES, Sampler, fill
from tests.security.objects import objects


def saved(folder: Path) -> Path:
    """A closed generation of one block with a mask."""
    projection = Projection.open(folder, ENGINES["exact"])
    versions = Sampler(np.random.default_rng(5)).versions(3)
    fill(projection, versions)
    projection.apply(9, [versions[0][0].version], [])
    projection.save()
    projection.close()
    (found,) = folder.glob("generation-*")
    return found


def forge(path: Path, content: bytes) -> None:
    """Other content of one file, with a manifest that agrees in every sum."""
    path.unlink()
    path.write_bytes(content)
    manifest = path.parent / "manifest.json"
    said = json.loads(manifest.read_text("utf-8").partition("\n")[2])
    said["files"][path.name] = [len(content), hashlib.sha256(content).hexdigest()]
    written = json.dumps(said)
    seal = hashlib.sha256(written.encode()).hexdigest()
    manifest.write_text(f"{seal}\n{written}", "utf-8")


def test_an_array_of_objects_with_a_true_sum_is_damage_and_none_is_made(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    whole = saved(tmp_path / "whole")
    arrays = sorted(path.name for path in whole.glob("*.npy"))
    assert len(arrays) >= 9
    planted = {name: made for name, made in objects(marker).items() if name != "sitecustomize.py"}
    for name in arrays:
        for kind, content in planted.items():
            folder = tmp_path / f"{name}-{kind}"
            shutil.copytree(whole.parent, folder)
            forge(folder / whole.name / name, content)
            projection = Projection.open(folder, ENGINES["exact"])
            assert projection.damage, (name, kind)
            assert projection.snapshot.size == 0
            projection.close()
    assert not marker.exists()
