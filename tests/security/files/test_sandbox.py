"""S7b: whatever a file is made of, reading it ends, says how, reaches and leaves nothing."""

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from citewell.domain.documents import FailureCode
from tests.conftest import Counted
from tests.security.files.archives import archives
from tests.security.files.corpus import GOOD, collected, good_files, mutated
from tests.security.files.documents import Made, documents
from tests.security.files.reading import READY, Outcome

pytestmark = pytest.mark.long

COPIES, STORM_COPIES = 3, 20
LIMIT_SECONDS = 100.0
PATIENCE_SECONDS = 3_600
CANARY = "the canary that nobody may read"
ROOT = Path(__file__).parents[3]
ENDS = {READY, *(f"failed:{code}" for code in FailureCode)}
# A reader that breaks down is an end too, but one that its author owes an explanation.
UNEXPLAINED = "failed:crash"
FEW = 1_000


@dataclass(frozen=True, slots=True)
class Pass:
    """One reading of all files: what was told of each, and how the process ended."""

    made: Made
    names: frozenset[str]
    told: Sequence[Outcome]
    last_line: str
    returncode: int
    errors: str
    seed: int

    @property
    def bad(self) -> list[Outcome]:
        return [one for one in self.told if not one.good]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, storm: bool) -> Pass:
    """Everything that was collected, with copies that have wrong bytes, and everything made."""
    seed = random.getrandbits(32)
    folder = tmp_path_factory.mktemp("files")
    canary = folder / "canary.txt"
    canary.write_text(CANARY, "utf-8")
    made = {**archives(), **documents(canary)}
    files = with_copies(collected(), STORM_COPIES if storm else COPIES, random.Random(seed))
    files.update({name: content for name, (content, _) in made.items()})
    written(folder / "bad", files)
    written(folder / "good", good_files())
    (folder / "tmp").mkdir()
    done = read(folder)
    lines = done.stdout.splitlines() or [""]
    told = [Outcome(**json.loads(line)) for line in lines if line.startswith("{")]
    names = frozenset(files)
    whole = Pass(made, names, told, lines[-1], done.returncode, done.stderr[-2_000:], seed)
    print(f"seed {seed}: {Counter(one.ended for one in whole.bad).most_common()}")
    return whole


def with_copies(files: Mapping[str, bytes], count: int, chance: random.Random) -> dict[str, bytes]:
    found = dict(files)
    for name, content in files.items():
        for number in range(count):
            found[f"{number}-{name}"] = mutated(content, chance)
    return found


def written(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def read(folder: Path) -> subprocess.CompletedProcess[str]:
    module = "tests.security.files.reading"
    return subprocess.run(
        [sys.executable, "-m", module, str(folder / "bad"), str(folder / "good")],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder / "tmp")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_the_parent_lives_through_all_files_and_holds_nothing_of_them(whole: Pass) -> None:
    """The process itself compares its descriptors, children and temporary files."""
    assert whole.returncode == 0, f"seed {whole.seed}: {whole.returncode} {whole.errors}"
    assert whole.last_line == "null"
    assert whole.errors == ""


def test_every_file_is_told_of_once(whole: Pass, record_property: Counted) -> None:
    record_property("files", len(whole.bad))
    for ended, count in Counter(one.ended for one in whole.bad).items():
        record_property(ended, count)
    assert Counter(one.name for one in whole.bad) == Counter(whole.names)
    assert len(whole.bad) > 10_000


def test_every_file_becomes_text_or_says_why_not_within_its_time(whole: Pass) -> None:
    wrong = [
        one
        for one in whole.bad
        if one.ended not in ENDS or one.seconds > LIMIT_SECONDS or (not one.chars and not one.said)
    ]
    assert wrong == [], f"seed {whole.seed}"


def test_readers_break_down_on_no_collected_file_and_on_few_copies(whole: Pass) -> None:
    broken = [one for one in whole.bad if one.ended == UNEXPLAINED]
    originals = {*collected(), *whole.made}
    assert [one for one in broken if one.name in originals] == []
    assert len(broken) <= len(whole.bad) / FEW, f"seed {whole.seed}: {broken}"


def test_no_reader_asks_for_a_socket(whole: Pass) -> None:
    attempts = [one for one in whole.told if signal.SIGSYS.name in one.said]
    assert attempts == [], f"seed {whole.seed}"


ASKING = """
import socket
from tests.security.files.reading import forbid_sockets
forbid_sockets()
print("ready", flush=True)
socket.socket()
"""


def test_who_asks_for_a_socket_in_this_test_is_seen() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKING], cwd=ROOT, capture_output=True, timeout=60, check=False
    )
    assert (done.stdout, done.returncode) == (b"ready\n", -signal.SIGSYS)


def test_good_files_say_the_same_before_between_and_after(whole: Pass) -> None:
    texts = {Path(name).name: words for name, words in GOOD.items()}
    times = Counter(one.name for one in whole.told if one.good)
    assert set(times) == set(texts)
    assert min(times.values()) == max(times.values()) > 10
    for name, words in texts.items():
        mine = [one for one in whole.told if one.good and one.name == name]
        assert {(one.ended, one.digest) for one in mine} == {(READY, mine[0].digest)}, name
        assert words in mine[0].said or mine[0].chars > len(mine[0].said), name


def test_each_file_that_was_made_ends_as_its_kind_must(whole: Pass) -> None:
    ended = {one.name: one for one in whole.bad if one.name in whole.made}
    wrong = [one for name, one in ended.items() if one.ended not in whole.made[name][1]]
    assert wrong == []


def test_no_entity_brings_in_another_file_or_grows(whole: Pass) -> None:
    makers = ("outside", "loopback", "laughing", "swollen")
    mine = [one for one in whole.bad if one.name.partition(".")[0] in makers]
    assert len(mine) > 20
    assert [one for one in mine if CANARY in one.said] == []
    size = {one.name: len(whole.made[one.name][0]) for one in mine}
    # Of a packed file the size is not known here; none of them holds more than this by itself.
    assert [one for one in mine if one.chars > max(size[one.name], 150_000)] == []
