"""`citewell tenancy selftest`: clean on the product itself, and nothing of it is left behind."""

import json
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it ships no types
import psycopg
import pytest

from tests.conftest import Counted, PostgresServer
from tests.journeys.conftest import citewell, command, environment, wait_until

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
CELLS = 1500
SECONDS = 300.0
DATABASES = "SELECT count(*) FROM pg_database WHERE datname LIKE 'citewell_selftest%'"


def living_in(folder: Path) -> list[psutil.Process]:
    """Every process that stands in this folder or has its data directory there."""
    found = []
    for process in psutil.process_iter():
        try:
            home = process.environ().get("CITEWELL_HOME", "/")
            stands = Path(process.cwd()).is_relative_to(folder)
            if stands or Path(home).is_relative_to(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Where the command makes its data directory; it must be empty again at the end.

    Its path is short: PostgreSQL's socket lies in it.
    """
    with tempfile.TemporaryDirectory(prefix="cw-") as made:
        folder = Path(made).resolve()
        yield folder
        left = living_in(folder)
        for process in left:
            process.kill()
        assert left == []
        assert list(folder.iterdir()) == []


def test_the_product_keeps_its_tenants_apart_on_every_route(
    tmp_path: Path, scratch: Path, postgres_server: PostgresServer, record_property: Counted
) -> None:
    home = tmp_path / "home"
    url = postgres_server.admin_url
    done = citewell(
        home,
        "--json",
        "tenancy",
        "selftest",
        seconds=SECONDS,
        DATABASE_URL=url,
        TMPDIR=str(scratch),
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "your data is not touched" in done.stderr
    said = json.loads(done.stdout)
    assert said["leaks"] == []
    contract = json.loads((ROOT / "docs" / "reference" / "openapi.json").read_text("utf-8"))
    routes = {f"{m.upper()} {path}" for path, ways in contract["paths"].items() for m in ways}
    walked = {one["route"] for one in said["routes"] if one["cells"] and not one["not_walked"]}
    assert {one for one in walked if not one.startswith("WS ")} == routes
    assert said["cells"] >= CELLS
    record_property("cells", said["cells"])
    assert not home.exists()
    with psycopg.connect(url) as connection:
        assert connection.execute(DATABASES).fetchone() == (0,)


def test_whoever_stops_it_leaves_no_process_and_no_file(tmp_path: Path, scratch: Path) -> None:
    """With a database of its own, at the moment at which everything runs."""
    told = tmp_path / "told.txt"
    with told.open("wb") as errors:
        process = subprocess.Popen(
            command("tenancy", "selftest"),
            env=environment(tmp_path / "home", TMPDIR=str(scratch)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
    wait_until(lambda: "Seeding" in told.read_text("utf-8"), "a server to be seeded", seconds=120)
    assert living_in(scratch)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130, told.read_text("utf-8")
