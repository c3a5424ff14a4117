"""S8: whatever asks to be made an object of is shown as the text or the bytes that it is."""

import io
import json
import marshal
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest

from tests.conftest import PostgresServer
from tests.journeys.conftest import Server, add, environment, settled, wait_until
from tests.security.conftest import serving
from tests.security.objects import constructors, objects
from tests.watched.sitecustomize import EXIT, WATCH, UnsafeLoadError

LAMP = "The lamp in the northern tower burns whale oil."


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("planted"), postgres_server) as made:
        yield made


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    """What no object has made when the test ends."""
    path = tmp_path / "marker"
    yield path
    assert not path.exists()


def test_a_careless_reader_of_what_is_planted_would_leave_the_marker(tmp_path: Path) -> None:
    marker = tmp_path / "there"
    made = objects(marker)
    readers: dict[str, Callable[[io.BytesIO], object]] = {
        "index.pkl": pickle.load,
        "array.npy": lambda file: np.load(file, allow_pickle=True),
        "arrays.npz": lambda file: np.load(file, allow_pickle=True)["arrays"],
    }
    with WATCH.telling(None):
        for name, load in readers.items():
            load(io.BytesIO(made[name]))
            marker.unlink()


def test_what_is_planted_in_the_data_directory_is_never_loaded(
    server: Server, marker: Path
) -> None:
    with server.client() as client:
        settled(client, add(client, "lamp.txt", LAMP.encode())["id"])
        wait_until(lambda: LAMP in found(client), "the lamp")
    assert server.stop() == 0
    folders = [server.home, *(path for path in server.home.rglob("*") if path.is_dir())]
    assert any(folder.name.startswith("generation-") for folder in folders)
    for folder in folders:
        for name, content in objects(marker).items():
            (folder / name).write_bytes(content)
    server.start()
    with server.client() as client:
        wait_until(lambda: LAMP in found(client), "the lamp again")


def found(client: httpx.Client) -> str:
    return client.post("/api/v1/search", json={"query": "What burns whale oil?"}).text


def test_what_is_planted_in_an_upload_comes_back_as_it_was(server: Server, marker: Path) -> None:
    with server.client() as client:
        sent = {
            add(client, called, content)["id"]: content
            for name, content in objects(marker).items()
            for called in (name, f"{name}.txt", f"{name}.docx")
        }
        for document, content in sent.items():
            shown = settled(client, document)
            assert shown["status"] == "ready" or shown["failure"]["code"] != "crash", shown
            original = client.get(f"/api/v1/documents/{document}/original")
            assert original.content == content
        packed = client.post(
            "/query",
            content=objects(marker)["state.msgpack"],
            headers={"content-type": "application/msgpack"},
        )
        assert packed.status_code == 415


def test_a_text_that_names_a_constructor_comes_back_as_it_was(server: Server, marker: Path) -> None:
    with server.client() as client:
        sent = {}
        for number, named in enumerate(constructors(marker)):
            content = f"{LAMP} {json.dumps(named)} {number}".encode()
            metadata = json.dumps({"made": named})
            document = add(
                client, f"{number}.txt", content, title=json.dumps(named), metadata=metadata
            )
            sent[document["id"]] = named
        for named in sent.values():
            asked = client.post("/query", json={"input": f"What burns? {json.dumps(named)}"})
            assert asked.status_code == 200, asked.text
            assert events(client, asked.json()["run_id"])
        for document, named in sent.items():
            shown = settled(client, document)
            assert (shown["title"], shown["metadata"]) == (json.dumps(named), {"made": named})


def events(client: httpx.Client, run: str) -> list[dict[str, Any]]:
    reply = client.get(f"/api/v1/runs/{run}/events")
    assert reply.status_code == 200, reply.text
    lines = reply.text.splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def test_a_row_that_names_a_constructor_is_shown_as_it_is(server: Server, marker: Path) -> None:
    with server.client() as client:
        run = client.post("/query", json={"input": "What burns whale oil?"}).json()["run_id"]
        for named in constructors(marker):
            written = json.dumps(named)
            for statement in (
                "UPDATE run_events SET event = event || jsonb_build_object('made', %s::jsonb)",
                "UPDATE runs SET request = request || jsonb_build_object('made', %s::jsonb)",
                "UPDATE documents SET metadata = jsonb_build_object('made', %s::jsonb)",
                "UPDATE messages SET text = %s",
            ):
                with psycopg.connect(server.settings["DATABASE_URL"]) as connection:
                    connection.execute(statement, [written])
            told = events(client, run)
            assert told
            assert all(event["made"] == named for event in told)
            assert client.get(f"/api/v1/runs/{run}").status_code == 200
            for document in client.get("/api/v1/documents").json()["items"]:
                assert document["metadata"] == {"made": named}


@pytest.mark.parametrize("text", [r'"\ud800"', r'"\udd1e\ud834"', r'"a\u0000"'])
def test_a_row_cannot_hold_what_makes_a_serializer_fall_back(server: Server, text: str) -> None:
    with psycopg.connect(server.settings["DATABASE_URL"]) as connection:
        refused = pytest.raises((psycopg.errors.DataError, psycopg.errors.SyntaxError))
        with refused:
            connection.execute(
                "UPDATE runs SET request = jsonb_build_object('k', %s::jsonb)", [text]
            )


LOADING = "import pickle, sys; pickle.load(open(sys.argv[1], 'rb'))"


def test_a_process_of_a_test_that_loads_what_is_planted_ends_at_once(
    tmp_path: Path, marker: Path
) -> None:
    """The same eye is on the server and its workers in all of these tests."""
    path = tmp_path / "index.pkl"
    path.write_bytes(objects(marker)[path.name])
    done = subprocess.run(
        [sys.executable, "-c", LOADING, str(path)],
        env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == EXIT
    assert "pickle.find_class" in done.stderr


def test_a_test_that_loads_what_is_planted_is_stopped(
    marker: Path, unsafe_loads: list[str]
) -> None:
    made = objects(marker)
    with pytest.raises(UnsafeLoadError):
        pickle.loads(made["index.pkl"])
    with pytest.raises(UnsafeLoadError):
        marshal.loads(marshal.dumps(1))
    assert len(unsafe_loads) == 2
    unsafe_loads.clear()
