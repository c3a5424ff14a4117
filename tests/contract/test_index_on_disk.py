"""An index on disk: it opens as it was saved, or says what is wrong and opens empty."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from citewell.index.index import IndexSettings, Terms
from citewell.index.projection import Projection
from tests.contract.index_sample import ENGINES, WORDS, Opener, Sampler, fill

SECONDS = 60.0
CRASHES = 8
OPENED = 12
SAVES = 3

Corruption = Callable[[Path, random.Random], None]


def flip_a_bit(path: Path, dice: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    rewrite(path, bytes(content))


def truncate(path: Path, dice: random.Random) -> None:
    content = path.read_bytes()
    rewrite(path, content[: dice.randrange(len(content))])


def rewrite(path: Path, content: bytes) -> None:
    """As a new file: the old one may be linked from elsewhere."""
    path.unlink()
    path.write_bytes(content)


def rename(path: Path, dice: random.Random) -> None:
    path.rename(path.with_name("x"))


CORRUPTIONS: dict[str, Corruption] = {
    "a flipped bit": flip_a_bit,
    "another flipped bit": flip_a_bit,
    "cut off": truncate,
    "emptied": lambda path, dice: rewrite(path, b""),
    "one byte longer": lambda path, dice: rewrite(path, path.read_bytes() + b"\0"),
    "overwritten": lambda path, dice: rewrite(path, dice.randbytes(path.stat().st_size)),
    "deleted": lambda path, dice: path.unlink(),
    "renamed": rename,
}


def generation(folder: Path) -> Path:
    (found,) = folder.glob("generation-*")
    return found


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A projection with a trained block, exact ones, a mask and words, saved and closed."""
    folder = tmp_path_factory.mktemp("saved") / "projection"
    projection = Projection.open(folder, ENGINES["trained"])
    versions = Sampler(np.random.default_rng(5)).versions(13)
    fill(projection, versions[:10], at_once=10)
    fill(projection, versions[10:])
    projection.apply(9, [versions[0][0].version], [])
    projection.save()
    projection.close()
    kinds = {"".join(path.suffixes[-2:]) for path in files(generation(folder))}
    arrays = ("keys", "rows", "alive", "starts", "terms", "counts", "lengths")
    expected = {".json", ".faiss", *(f".{part}.npy" for part in arrays)}
    assert kinds > expected, kinds
    return folder


def open_all_corrupted(saved: Path, scratch: Path, dice: random.Random) -> tuple[int, list[str]]:
    """How many corruptions were tried, and those that were not detected and named."""
    tried, missed = 0, []
    for path in files(generation(saved)):
        for name, corrupt in CORRUPTIONS.items():
            folder = scratch / str(tried)
            shutil.copytree(saved, folder)
            inside = path.relative_to(generation(saved))
            corrupt(generation(folder) / inside, dice)
            tried += 1
            if not is_detected(folder):
                missed.append(f"{inside} {name}")
            shutil.rmtree(folder)
    return tried, missed


def is_detected(folder: Path) -> bool:
    """Whether it is said, nothing is served, the damage is gone, and work can go on."""
    name = generation(folder).name
    projection = Projection.open(folder, ENGINES["trained"])
    served = projection.snapshot
    said = projection.damage.startswith(f"{name}/") and (served.size, served.position) == (0, 0)
    gone = not list(folder.glob("generation-*"))
    empty = not len(served.search_lexical(Terms(WORDS), 5).keys)
    projection.close()
    return said and gone and empty


def test_every_corruption_of_every_file_is_detected_before_it_serves(
    saved: Path, tmp_path: Path, seed: int
) -> None:
    tried, missed = open_all_corrupted(saved, tmp_path, random.Random(seed))
    assert missed == []
    assert tried >= 100
    print(f"{tried} corruptions detected")


@pytest.mark.parametrize("name", ["extra", "lexical/extra", "planted.pkl"])
def test_a_file_that_nobody_wrote_is_detected(saved: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "projection"
    shutil.copytree(saved, folder)
    (generation(folder) / name).write_bytes(b"anything")
    assert is_detected(folder)


def test_a_manifest_of_another_format_is_detected(saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "projection"
    shutil.copytree(saved, folder)
    rewrite(generation(folder) / "manifest.json", b'{"format": 1}')
    assert is_detected(folder)


def test_an_undamaged_copy_opens_without_complaint(saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "projection"
    shutil.copytree(saved, folder)
    projection = Projection.open(folder, ENGINES["trained"])
    assert projection.damage == ""
    assert projection.snapshot.size == 13 * 8 - 8
    assert projection.snapshot.position == 9
    projection.close()


def test_after_damage_everything_can_come_again(open_projection: Opener, sample: Sampler) -> None:
    versions = sample.versions(5)
    fill(first := open_projection(), versions)
    first.save()
    flip_a_bit(next(generation(first.folder).glob("*.rows.npy")), random.Random(1))
    second = open_projection()
    assert "rows.npy is not what was written" in second.damage
    fill(second, versions)
    second.save()
    third = open_projection()
    assert third.damage == ""
    assert third.snapshot.keys().tolist() == first.snapshot.keys().tolist()


def test_saving_again_leaves_one_generation_and_writes_only_what_is_new(
    open_projection: Opener, sample: Sampler
) -> None:
    projection = open_projection()
    fill(projection, sample.versions(20), at_once=20)
    projection.save()
    before = {path.stat().st_ino for path in files(generation(projection.folder))}
    projection.apply(2, [], sample.version(1))
    projection.save()
    after = {path.stat().st_ino for path in files(generation(projection.folder))}
    # The block of 160 chunks (six files) is the same file as before.
    assert len(before & after) >= 6
    assert open_projection().snapshot.size == 161


def test_a_projection_that_was_cleared_forgets_what_is_on_disk(
    open_projection: Opener, sample: Sampler
) -> None:
    """A database that was restored to an earlier state has a smaller position."""
    projection = open_projection()
    fill(projection, sample.versions(9))
    projection.save()
    projection.clear()
    assert open_projection().snapshot.position == 0
    later = sample.version(2)
    projection.apply(4, [], later)
    projection.save()
    opened = open_projection().snapshot
    assert (opened.position, opened.keys().tolist()) == (4, [entry.key for entry in later])


def test_the_mark_of_a_history_is_opened_as_it_was_saved_and_cleared_with_it(
    open_projection: Opener, sample: Sampler
) -> None:
    projection = open_projection()
    projection.apply(1, [], sample.version(3), mark="first")
    projection.apply(2, [], sample.version(3), mark="second")
    projection.save()
    opened = open_projection()
    assert (opened.snapshot.position, opened.snapshot.mark) == (2, "second")
    opened.clear()
    assert (opened.snapshot.position, opened.snapshot.mark) == (0, "")


def test_what_was_damaged_and_then_cleared_is_damaged_no_more(
    open_projection: Opener, sample: Sampler
) -> None:
    fill(first := open_projection(), sample.versions(2))
    first.save()
    flip_a_bit(next(generation(first.folder).glob("*.rows.npy")), random.Random(1))
    second = open_projection()
    assert second.damage
    second.clear()
    assert second.damage == ""


def test_two_processes_of_one_folder_do_not_disturb_each_other(
    open_projection: Opener, sample: Sampler
) -> None:
    versions = sample.versions(6)
    one, other = open_projection(), open_projection()
    fill(one, versions)
    fill(other, versions[:3])
    one.save()
    other.save()
    # The one that is behind must not replace what is newer.
    assert open_projection().snapshot.position == 6
    assert other.snapshot.size == 24


def test_an_index_that_another_saves_again_while_it_is_opened_is_not_damaged(
    open_projection: Opener, sample: Sampler
) -> None:
    writer = open_projection()
    fill(writer, sample.versions(6))
    writer.save()
    opened = []
    with ThreadPoolExecutor(1) as pool:
        for _ in range(OPENED):
            saves = [pool.submit(writer.save) for _ in range(SAVES)]
            opened.append(open_projection())
            for save in saves:
                save.result(timeout=SECONDS)
    assert [one.damage for one in opened] == [""] * OPENED
    assert {one.snapshot.position for one in opened} == {6}


def test_closing_leaves_nothing_but_generations(open_projection: Opener, sample: Sampler) -> None:
    projection = open_projection()
    fill(projection, sample.versions(2))
    projection.save()
    projection.close()
    projection.close()
    assert [path.name for path in projection.folder.iterdir()] == [
        generation(projection.folder).name
    ]


def test_what_dead_processes_left_is_removed_and_what_living_ones_use_stays(
    open_projection: Opener,
) -> None:
    projection = open_projection()
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
    left = [projection.folder / f"{kind}-{dead}-0abc" for kind in ("work", "incoming")]
    used = [projection.folder / f"{kind}-{os.getpid()}-0abc" for kind in ("work", "incoming")]
    before_us = projection.folder / f"work-{os.getpid()}-0def"
    for path in [*left, *used, before_us]:
        path.mkdir()
    os.utime(before_us, (1, 1))  # Of an earlier process with our number.
    (projection.folder / "README").touch()
    open_projection()
    assert not any(path.exists() for path in [*left, before_us])
    assert all(path.exists() for path in [*used, projection.work])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_process_killed_while_saving_leaves_a_usable_generation(
    tmp_path: Path, engine: str, seed: int
) -> None:
    dice = random.Random(seed)
    folder = tmp_path / "projection"
    reached, fired = 0, 0
    for _ in range(CRASHES):
        saved, killed_while_saving = run_and_kill(folder, engine, dice)
        fired += killed_while_saving
        projection = Projection.open(folder, ENGINES[engine])
        assert projection.damage == ""
        position = projection.snapshot.position
        assert position >= max(reached, saved)
        assert projection.snapshot.keys().tolist() == list(range(1, position * 8 + 1))
        assert projection.snapshot.lexical.keys().tolist() == list(range(1, position * 8 + 1))
        projection.close()
        assert not list(folder.glob("incoming-*"))
        reached = position
    print(f"{fired} of {CRASHES} kills fell into a save")
    assert fired >= CRASHES // 2


def run_and_kill(folder: Path, engine: str, dice: random.Random) -> tuple[int, bool]:
    """The last position that the process said was saved, and whether it died while saving."""
    command = [sys.executable, "-m", "tests.contract.index_saving", str(folder), engine]
    process = subprocess.Popen(
        [*command, str(dice.getrandbits(30))], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    said = [process.stdout.readline() for _ in range(2 * dice.randrange(3) + 1)]
    try:
        process.wait(dice.random() * 0.03)
    except subprocess.TimeoutExpired:
        process.kill()
    said += process.communicate(timeout=SECONDS)[0].splitlines()
    saved = [int(line.split()[1]) for line in said if line.startswith("saved")]
    return max(saved, default=0), said[-1].startswith("saving")


def test_settings_may_change_between_two_lives(tmp_path: Path, sample: Sampler) -> None:
    exact = Projection.open(tmp_path, IndexSettings(exact_below=10**9))
    fill(exact, sample.versions(20), at_once=20)
    exact.save()
    exact.close()
    trained = Projection.open(tmp_path, ENGINES["trained"])
    assert trained.snapshot.size == 160
    trained.apply(2, [], sample.version(1))
    assert [bool(block.probes) for block, _ in trained.snapshot.blocks] == [True]
    assert trained.snapshot.keys().tolist() == list(range(1, 162))
    trained.close()
