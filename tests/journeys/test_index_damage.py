"""An index directory that is lost or damaged while nobody looks is seen, and made again."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from citewell.index.index import IndexSettings
from citewell.index.projection import Projection
from tests.journeys.conftest import Server, add, citewell, settled, shared, verified, wait_until

pytestmark = pytest.mark.long

CORRUPTIONS = 44
QUERIES = ("session identifier entropy", "password hashing", "strict transport security header")
FILES = ("Session_Management", "Password_Storage", "HTTP_Strict_Transport_Security")


def _flip(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if not content:
        path.write_bytes(b"x")
        return
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    _rewrite(path, bytes(content))


def _truncate(path: Path, chance: random.Random) -> None:
    content = path.read_bytes()
    _rewrite(path, content[: chance.randrange(len(content))] if content else b"x")


def _append(path: Path, chance: random.Random) -> None:
    _rewrite(path, path.read_bytes() + chance.randbytes(chance.randint(1, 64)))


def _delete(path: Path, chance: random.Random) -> None:
    path.unlink()


def _rewrite(path: Path, content: bytes) -> None:
    # Files of a generation are linked into working folders: damage this name only.
    path.unlink()
    path.write_bytes(content)


WAYS: tuple[Callable[[Path, random.Random], None], ...] = (_flip, _truncate, _append, _delete)


@pytest.fixture
def stocked(idle: Server) -> Server:
    """A server that was stopped with three documents in its index."""
    idle.start()
    with idle.client() as client:
        for name in FILES:
            path = shared(f"docs/owasp/{name}_Cheat_Sheet.md")
            document = add(client, path.name, path.read_bytes()[:12_000])
            assert settled(client, document["id"])["status"] == "ready"
    _found(idle)
    idle.close()
    return idle


def test_every_damaged_file_of_a_generation_is_seen_before_it_serves(
    stocked: Server, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    generation = _generation(stocked.home)
    names = sorted(p.relative_to(generation) for p in generation.rglob("*") if p.is_file())
    whole = _projection(generation, tmp_path / "whole")
    assert whole.damage == ""
    assert whole.snapshot.size > 0
    whole.close()
    for number in range(CORRUPTIONS):
        copy = tmp_path / f"copy-{number}"
        shutil.copytree(generation, copy / generation.name)
        name = names[number % len(names)]
        way = WAYS[(number // len(names) + number) % len(WAYS)]
        way(copy / generation.name / name, chance)
        opened = Projection.open(copy, IndexSettings())
        assert opened.damage, f"{way.__name__} of {name} was not seen (seed {seed})"
        assert (opened.snapshot.size, opened.snapshot.position) == (0, 0)
        assert list(copy.glob("generation-*")) == []
        opened.close()


@pytest.mark.parametrize("damage", ["flipped", "deleted"])
def test_a_server_heals_its_index_and_finds_the_same_again(
    stocked: Server, damage: str, seed: int
) -> None:
    stocked.start()
    before = _found(stocked)
    stocked.close()
    if damage == "deleted":
        shutil.rmtree(stocked.home / "index")
    else:
        generation = _generation(stocked.home)
        _flip(max(generation.rglob("*.faiss"), key=lambda p: p.stat().st_size), random.Random(seed))
        seen = citewell(stocked.home, "index", "verify")
        assert "is not what was written" in seen.stdout
        assert seen.returncode == 9
    stocked.start()
    assert _found(stocked) == before
    stocked.close()
    verified(stocked.home)


def _generation(home: Path) -> Path:
    (found,) = (home / "index").glob("*/*/generation-*")
    return found


def _projection(generation: Path, folder: Path) -> Projection:
    shutil.copytree(generation, folder / generation.name)
    return Projection.open(folder, IndexSettings())


def _found(server: Server) -> list[list[str]]:
    """The passages of each query, best first."""
    with server.client() as client:

        def search() -> list[list[str]]:
            replies = [client.post("/api/v1/search", json={"query": q}).json() for q in QUERIES]
            return [[one["passage_id"] for one in reply["passages"]] for reply in replies]

        return list(wait_until(lambda: all(search()) and search(), "passages"))
