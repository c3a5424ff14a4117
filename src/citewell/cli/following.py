"""`citewell ask` on a terminal: the answer's text as it is written, from the server's socket."""

import json
from collections.abc import Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from citewell.cli.client import Client
from citewell.cli.output import Exit, exit_for, fail, plain, say

WAIT_SECONDS = 330.0
ENDS = frozenset({"RUN_FINISHED", "RUN_ERROR"})


def followed(client: Client, body: dict[str, Any], *, steps: bool) -> dict[str, Any]:
    """Ask, print its text, and return the answer in the shape of `POST /query`."""
    answer: dict[str, Any] = {
        "response": "", "citations": [], "related": [], "answered": False, "grounded": 0.0,
        "reason": "",
    }  # fmt: skip
    for event in _events(client, body):
        _take(event, answer, steps=steps)
    print()
    return answer


def _take(event: dict[str, Any], answer: dict[str, Any], *, steps: bool) -> None:
    match event["type"]:
        case "STEP_STARTED" if steps:
            say(f"… {event['stepName']}")
        case "TEXT_MESSAGE_CONTENT":
            answer["response"] += event["delta"]
            print(plain(event["delta"]), end="", flush=True)
        case "TEXT_MESSAGE_END":
            answer.update(event.get("metadata", {}).get("rag", {}))
        case "CUSTOM" if event["name"] == "rag.notice":
            say(f"Notice: {event['value']['message']}")
        case "RUN_ERROR":
            answer["error"] = event["message"]
        case _:
            pass


def _events(client: Client, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    address = str(client.http.base_url).rstrip("/").replace("http", "ws", 1) + "/ws"
    key = client.http.headers.get("authorization", "")
    try:
        with connect(address, additional_headers={"Authorization": key}) as socket:
            socket.send(json.dumps({"op": "start", **body}))
            while True:
                frame = json.loads(socket.recv(timeout=WAIT_SECONDS))
                if "error" in frame:
                    said = frame["error"]
                    fail(said["detail"], said.get("hint", ""), as_json=client.as_json)
                if "event" not in frame:
                    continue
                yield frame["event"]
                if frame["event"]["type"] in ENDS:
                    return
    except InvalidStatus as error:
        refused = error.response.status_code
        fail(f"The server refused the connection ({refused}).", code=exit_for(refused))
    except (OSError, ConnectionClosed) as error:
        fail(f"The connection broke: {error}", code=Exit.UNREACHABLE)
    except TimeoutError:
        fail("The server did not answer in time.", code=Exit.TIMEOUT)
