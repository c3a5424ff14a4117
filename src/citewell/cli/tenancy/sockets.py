"""The walk over the WebSocket: every message that a client can say, with everybody's things."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from citewell.api.schemas.sockets import Command, Op
from citewell.cli.tenancy.calling import Answer, Line, Socket
from citewell.cli.tenancy.cast import Caller, Carrier, carried
from citewell.cli.tenancy.cells import Cell, cells, namings, request_of
from citewell.cli.tenancy.contract import JSON, Field, Operation, leaves
from citewell.cli.tenancy.walking import Exchange

PATH = "/ws"

# Which fields of a command belong to which message; these three are in all of them.
_IN_ALL = frozenset({"op", "id", "after"})
_OWN: Mapping[Op, frozenset[str]] = {
    Op.START: frozenset({"input", "collections", "conversation"}),
    Op.SUB: frozenset({"run"}),
    Op.UNSUB: frozenset({"run"}),
    Op.CANCEL: frozenset({"run"}),
    Op.PING: frozenset(),
    Op.RESUME_INTERRUPT: frozenset({"run", "resume"}),
}


def messages() -> list[Operation]:
    """Every message, each like a route; one with a field of unknown use has that field."""
    schema = Command.model_json_schema()
    fields = leaves(schema, schema, "message")
    of_some = frozenset().union(*_OWN.values(), _IN_ALL)
    strange = {one.name for one in fields} - of_some
    return [
        Operation(f"ws_{op}", "WS", f"{PATH} {op}", False, _fields(fields, op, strange), JSON)
        for op in Op
    ]


def _fields(fields: Sequence[Field], op: Op, strange: set[str]) -> tuple[Field, ...]:
    own = _OWN.get(op, frozenset()) | strange
    needed = {"input", "run", "resume"}
    return tuple(
        Field("message", one.path, one.schema, required=one.name in needed)
        for one in fields
        if one.name in own
    )


@dataclass(frozen=True, slots=True)
class SocketWalk:
    """One connection per caller and carrier, and every cell of theirs on it, one after another."""

    line: Line
    callers: Sequence[Caller]

    async def all(self) -> list[Exchange]:
        """Every cell of every message."""
        every = [
            cell
            for operation in messages()
            for naming in namings(operation)
            for cell in cells(operation, naming, self.callers)
        ]
        lines: dict[tuple[str, Carrier | None], list[Cell]] = {}
        for cell in every:
            lines.setdefault((cell.caller.name, cell.carrier), []).append(cell)
        found = await asyncio.gather(*(self._line(line) for line in lines.values()))
        return [exchange for exchanges in found for exchange in exchanges]

    async def _line(self, cells_of_one: Sequence[Cell]) -> list[Exchange]:
        first = cells_of_one[0]
        headers = dict(carried(first.caller.person, first.carrier))
        if first.carrier is Carrier.COOKIE:
            headers["origin"] = self.line.address
        try:
            async with self.line.socket(PATH, headers) as socket:
                if not isinstance(socket, Answer):
                    return await _talk(socket, cells_of_one)
                answer = socket
        except OSError:
            answer = Answer(0)
        return [Exchange(cell, "", answer) for cell in cells_of_one]


async def _talk(socket: Socket, line: Sequence[Cell]) -> list[Exchange]:
    """Each message and a ping: what comes before the pong is heard of it."""
    found: list[Exchange] = []
    sent = ""
    for number, cell in enumerate(line):
        mine, after = f"m{number}", f"p{number}"
        op = cell.operation.id.removeprefix("ws_")
        command = {"op": op, "id": mine, **request_of(cell, {}).body}
        # Events repeat what was asked before, too.
        sent += json.dumps(command)
        await socket.say(command)
        await socket.say({"op": Op.PING.value, "id": after})
        frames: list[Any] = []
        while (frame := await socket.hear()).get("id") != after:
            frames.append(frame)
        found.append(Exchange(cell, sent, _answer(mine, frames)))
    return found


def _answer(mine: str, frames: Sequence[Any]) -> Answer:
    """The frames as an answer; one that refuses this message counts like a refusal over HTTP."""
    said = [one for one in frames if one.get("id") == mine]
    # Which events of other runs come meanwhile says nothing about this message.
    others = [one for one in frames if one not in said]
    codes = {one["error"].get("code") for one in said if "error" in one}
    # As over HTTP, what is there and cannot be done now was found.
    status = 409 if codes == {"conflict"} else 400 if codes else 200
    return Answer(status, body=json.dumps(said).encode(), beside=json.dumps(others))
