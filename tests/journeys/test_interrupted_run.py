"""A server that dies while it answers: the next one ends its runs, once, and soon."""

import json
import time

from websockets.sync.client import connect

from tests.journeys.conftest import Server, add, settled

QUESTIONS = 6
WITHIN_SECONDS = 30.0
TERMINAL = {"RUN_FINISHED", "RUN_ERROR"}


def test_runs_of_a_killed_server_end_exactly_once_within_half_a_minute(server: Server) -> None:
    with server.client() as client:
        document = add(client, "light.txt", b"The lighthouse at Cape Ward was built in 1874.\n")
        settled(client, document["id"])
    seen = _killed_while_it_answers(server)
    killed = time.monotonic()
    server.start()
    with server.client(seconds=WITHIN_SECONDS + 10) as client:
        for run, last in seen.items():
            rest = client.get(f"/api/v1/runs/{run}/events", headers={"last-event-id": str(last)})
            events = [] if rest.status_code == 204 else _events(rest.text)
            assert [number for number, _ in events] == list(range(last + 1, last + 1 + len(events)))
            assert time.monotonic() - killed < WITHIN_SECONDS
            whole = _events(client.get(f"/api/v1/runs/{run}/events").text)
            assert [number for number, _ in whole] == list(range(len(whole)))
            ends = [event for _, event in whole if event["type"] in TERMINAL]
            assert ends == [whole[-1][1]], run
            if ends[0]["type"] == "RUN_ERROR":
                assert ends[0]["code"] == "interrupted_by_restart"
            assert client.get(f"/api/v1/runs/{run}").json()["state"] != "running"


def _killed_while_it_answers(server: Server) -> dict[str, int]:
    """The runs that have begun, each with the number of the last event that was seen of it."""
    seen: dict[str, int] = {}
    address = server.address.replace("http", "ws", 1) + "/ws"
    headers = {"authorization": f"Bearer {server.key}"}
    with connect(address, additional_headers=headers, proxy=None, close_timeout=1) as socket:
        for number in range(QUESTIONS):
            socket.send(
                json.dumps({"op": "start", "input": f"When was lighthouse {number} built?"})
            )
        while not seen:
            frame = json.loads(socket.recv(timeout=60))
            if "seq" in frame:
                seen[frame["run"]] = frame["seq"]
        server.kill()
    return seen


def _events(stream: str) -> list[tuple[int, dict[str, str]]]:
    frames = [frame for frame in stream.split("\n\n") if frame.startswith("id: ")]
    pairs = [frame.split("\n") for frame in frames]
    return [(int(number[4:]), json.loads(data[6:])) for number, data in pairs]
