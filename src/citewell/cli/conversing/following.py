"""An answer's text as it is written, from the server's socket."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from citewell.cli.client import Client
from citewell.cli.conversing.deciding import decided
from citewell.cli.output import Exit, exit_for, exit_for_code, fail, plain, say

WAIT_SECONDS = 330.0
ENDS = frozenset({"RUN_FINISHED", "RUN_ERROR"})
_CLOSED = {4401: Exit.FORBIDDEN, 4403: Exit.FORBIDDEN, 4408: Exit.TIMEOUT, 4429: Exit.LIMITED}


def followed(client: Client, body: dict[str, Any], *, steps: bool) -> dict[str, Any]:
    """Ask, print its text, and return the answer in the shape of `POST /query`.

    What the run asks meanwhile is asked here. Whoever interrupts it stops the run, too.
    """
    return _followed(client, {"op": "start", **body}, _Line(), steps=steps)


def gone_on(client: Client, answer: dict[str, Any], *, steps: bool) -> dict[str, Any]:
    """As `followed`, without printing, from an answer of `POST /query` that waits for a word."""
    run = decided(client, answer["run_id"], answer["interrupts"][0])
    return _followed(client, {"op": "sub", "run": run}, _Line(is_shown=False), steps=steps)


def _followed(
    client: Client, command: dict[str, Any], line: "_Line", *, steps: bool
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "response": "", "citations": [], "doubts": [], "related": [], "interrupts": [],
        "answered": False, "grounded": 0.0, "reason": "", "run_id": "", "conversation_id": "",
    }  # fmt: skip
    try:
        while command:
            for event in _events(client, command):
                if event["type"] != "TEXT_MESSAGE_CONTENT":
                    # Nothing else is told in the middle of a line.
                    line.end()
                _take(event, answer, line, steps=steps)
            command = {}
            if asked := answer.pop("interrupts"):
                command = {"op": "sub", "run": decided(client, answer["run_id"], asked[0])}
            answer["interrupts"] = []
    except KeyboardInterrupt:
        if answer["run_id"]:
            client.try_send("POST", f"/api/v1/runs/{answer['run_id']}/cancel")
        raise
    return answer


@dataclass(slots=True)
class _Line:
    """The line of the answer that is being written."""

    is_open: bool = False
    is_shown: bool = True

    def write(self, text: str) -> None:
        if not self.is_shown:
            return
        print(text, end="", flush=True)
        self.is_open = not text.endswith("\n")

    def end(self) -> None:
        if self.is_open:
            self.write("\n")


def _take(event: dict[str, Any], answer: dict[str, Any], line: _Line, *, steps: bool) -> None:
    match event["type"]:
        case "RUN_STARTED":
            answer.update(run_id=event["runId"], conversation_id=event["threadId"])
        case "STEP_STARTED" if steps:
            say(f"… {event['stepName']}")
        case "STEP_FINISHED" if steps and (asked := _looked_for(event)):
            say(f"  looked for: {plain(asked)}")
        case "TEXT_MESSAGE_START" | "TEXT_MESSAGE_CONTENT" | "TEXT_MESSAGE_END":
            _hear(event, answer, line)
        case "CUSTOM" if event["name"] == "rag.notice":
            say(f"Notice: {event['value']['message']}")
        case "RUN_FINISHED":
            asked = event["outcome"].get("interrupts", [])
            answer["interrupts"] = [{**one, **one["metadata"]["rag"]} for one in asked]
        case "RUN_ERROR":
            hint = event.get("metadata", {}).get("rag", {}).get("hint", "")
            answer.update(error=event["message"], code=event.get("code", ""), hint=hint)
        case _:
            pass


def _hear(event: dict[str, Any], answer: dict[str, Any], line: _Line) -> None:
    answer.update(event.get("metadata", {}).get("rag", {}))
    if event["type"] == "TEXT_MESSAGE_START" and answer["response"]:
        # What was said so far is said again, better.
        answer["response"] = ""
        line.write("\n")
    if event["type"] == "TEXT_MESSAGE_CONTENT":
        answer["response"] += event["delta"]
        line.write(plain(event["delta"]))


def _looked_for(event: dict[str, Any]) -> str:
    """What a question that leans on the last one was completed to; empty for any other step."""
    return str(event.get("metadata", {}).get("rag", {}).get("looked_for", ""))


def _events(client: Client, command: dict[str, Any]) -> Iterator[dict[str, Any]]:
    try:
        yield from _heard(client, command)
    except InvalidStatus as error:
        _refused(error)
    except ConnectionClosed as error:
        code = error.rcvd.code if error.rcvd else 0
        reason = error.rcvd.reason if error.rcvd and error.rcvd.reason else str(error)
        exit_code = _CLOSED.get(code, Exit.UNREACHABLE)
        fail(f"The server closed the connection: {reason}", "Ask again.", code=exit_code)
    except TimeoutError:
        fail("The server did not answer in time.", code=Exit.TIMEOUT)
    except OSError as error:
        hint = "Is `citewell serve` running?"
        fail(f"The server cannot be reached: {error}", hint, code=Exit.UNREACHABLE)


def _heard(client: Client, command: dict[str, Any]) -> Iterator[dict[str, Any]]:
    address = str(client.http.base_url).rstrip("/").replace("http", "ws", 1) + "/ws"
    key = client.http.headers.get("authorization", "")
    headers = {"Authorization": key} if key else {}
    with connect(address, additional_headers=headers, proxy=None) as socket:
        socket.send(json.dumps(command))
        while True:
            frame = json.loads(socket.recv(timeout=WAIT_SECONDS))
            if "error" in frame:
                said = frame["error"]
                fail(said["detail"], said["hint"], code=exit_for_code(said["code"]))
            if "event" in frame:
                yield frame["event"]
                if frame["event"]["type"] in ENDS:
                    return


def _refused(error: InvalidStatus) -> NoReturn:
    status = error.response.status_code
    try:
        said = json.loads(error.response.body or b"")
        fail(said["detail"], said["hint"], code=exit_for(status))
    except (ValueError, KeyError, TypeError):
        fail(f"The server refused the connection ({status}).", code=exit_for(status))
