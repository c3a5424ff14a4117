"""The WebSocket: questions in, the same numbered events out as everywhere else."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from citewell.api.authentication import authenticate, is_same_origin
from citewell.api.errors import app_error_response, fields_of, shown
from citewell.api.guard import CAN_ASK, allow, limited
from citewell.api.questions import asking, check_question, parse_command, resume
from citewell.api.schemas.sockets import Command, Op
from citewell.api.server import Server, server_of
from citewell.api.vigil import Watched
from citewell.bootstrap import App
from citewell.domain.errors import (
    AppError,
    DeniedError,
    InvalidError,
    LimitedError,
    UnauthenticatedError,
)
from citewell.domain.ids import ConversationId, RunId
from citewell.domain.principal import Principal
from citewell.telemetry import metrics

FRAME_BYTES = 64 * 1024
QUEUE_LENGTH = 256
MAX_FOLLOWED = 16
BEAT_SECONDS = 15.0
SEND_SECONDS = 10.0
CLOSE_SECONDS = 1.0

UNAUTHENTICATED = 4401
FORBIDDEN = 4403
SLOW = 4408
LIMITED = 4429
TOO_BIG = 1009
NOT_TEXT = 1003


@dataclass(frozen=True, slots=True)
class _Close(Exception):  # noqa: N818  # It ends the connection, which may be no error at all.
    code: int
    reason: str = ""


@allow(CAN_ASK)
async def serve(websocket: WebSocket) -> None:
    """One connection, from its handshake to its close."""
    server = server_of(websocket)
    try:
        app = server.opened()
        if "origin" in websocket.headers and not is_same_origin(websocket):
            raise DeniedError("This WebSocket comes from another site's page.")
        async with limited(websocket):
            principal = await _caller(app, websocket)
        CAN_ASK.check(principal)
        with (
            server.sockets.hold(),
            metrics.sockets.track_inprogress(),
            server.vigil.over(principal, CAN_ASK.check) as watched,
        ):
            await websocket.accept()
            await Connection(websocket, server, app, watched).run()
    except AppError as error:
        if websocket.client_state is not WebSocketState.CONNECTING:
            raise
        await websocket.send_denial_response(app_error_response(error, websocket.scope))


@dataclass(slots=True)
class Connection:
    """An accepted connection and the runs that it follows."""

    websocket: WebSocket
    server: Server
    app: App
    watched: Watched
    _outbox: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(QUEUE_LENGTH))
    _followed: dict[RunId, asyncio.Task[None]] = field(default_factory=dict)
    _group: asyncio.TaskGroup = field(default_factory=asyncio.TaskGroup)

    @property
    def principal(self) -> Principal:
        """The caller as they are now."""
        return self.watched.principal

    async def run(self) -> None:
        """Serve until either side closes; the runs themselves go on."""
        closing: _Close | None = None
        try:
            async with self._group as group:
                group.create_task(self._listen())
                group.create_task(self._send_all())
                group.create_task(self._beat())
                group.create_task(self._until_ended())
        except* WebSocketDisconnect:
            pass
        except* _Close as ends:
            closing = _first(ends)
        if closing is not None:
            await self._close(closing)

    async def _close(self, closing: _Close) -> None:
        # A peer that is gone or does not read cannot be told; the server drops it.
        with suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.websocket.close(closing.code, closing.reason)

    async def _listen(self) -> None:
        while True:
            message = await self.websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"])
            text = message.get("text")
            if text is None:
                raise _Close(NOT_TEXT, "Send text frames.")
            if len(text.encode("utf-8", "replace")) > FRAME_BYTES:
                raise _Close(TOO_BIG, f"A frame has at most {FRAME_BYTES} bytes.")
            await self._hear(text)

    async def _hear(self, text: str) -> None:
        command = Command(op=Op.PING)
        try:
            (await self.server.rates.take(self.principal)).check()
            command = parse_command(text)
            await self._do(command)
        except LimitedError as error:
            if error.code != LimitedError.code:
                await self._say_error(error, command)
                return
            raise _Close(LIMITED, shown(error.message)[:100]) from error
        except AppError as error:
            await self._say_error(error, command)

    async def _do(self, command: Command) -> None:
        match command.op:
            case Op.START:
                await self._start(command)
            case Op.PING:
                await self._say({"pong": True, **_echo(command)})
            case Op.SUB:
                run = await self.app.chat.get(self.principal, _run_id(command))
                await self.app.chat.check_kept(self.principal, run, after=command.after)
                self._follow(run.id, command.after)
            case Op.UNSUB:
                task = self._followed.pop(_run_id(command), None)
                if task is not None:
                    task.cancel()
            case Op.CANCEL:
                await self.app.chat.cancel(self.principal, _run_id(command))
            case Op.RESUME_INTERRUPT:
                await self._resume(command)

    async def _start(self, command: Command) -> None:
        limit = self.server.settings.limits.question_chars
        text = check_question(command.input or "", limit, field="input")
        self._check_room()
        collections = await self.app.documents.inside(self.principal, command.collections)
        within = None if command.conversation is None else ConversationId(command.conversation)
        run = await self.app.chat.start(
            asking(self.principal), text, collections, conversation_id=within
        )
        if command.id is not None:
            await self._say({"run": str(run.id), **_echo(command)})
        self._follow(run.id, -1)

    async def _resume(self, command: Command) -> None:
        if not command.resume:
            raise InvalidError("`resume_interrupt` needs `resume`.", hint="Send one answer in it.")
        self._check_room()
        run = await resume(self.app, self.principal, _run_id(command), command.resume)
        await self._say({"run": str(run.id), **_echo(command)})
        self._follow(run.id, -1)

    def _check_room(self) -> None:
        if len(self._followed) >= MAX_FOLLOWED:
            raise InvalidError(
                f"This connection follows {MAX_FOLLOWED} runs already.",
                hint="Wait for one to end, or send `unsub`.",
            )

    def _follow(self, run_id: RunId, after: int) -> None:
        if run_id in self._followed:
            return
        self._check_room()
        task = self._group.create_task(self._tell(run_id, after))
        self._followed[run_id] = task
        task.add_done_callback(lambda _: self._followed.pop(run_id, None))

    async def _tell(self, run_id: RunId, after: int) -> None:
        events = self.app.chat.events(self.principal, run_id, after=after)
        try:
            async with aclosing(events) as numbered:
                async for number, event in numbered:
                    await self._say({"run": str(run_id), "seq": number, "event": event})
        except AppError as error:
            await self._say_error(error, Command(op=Op.SUB, run=run_id))

    async def _say(self, frame: Mapping[str, Any]) -> None:
        await self._outbox.put(orjson.dumps(frame))

    async def _say_error(self, error: AppError, command: Command) -> None:
        said: dict[str, Any] = {
            "code": error.code, "detail": shown(error.message), "hint": shown(error.hint),
            "errors": fields_of(error),
        }  # fmt: skip
        about = {"run": str(command.run)} if command.run else {}
        await self._say({"error": said, **about, **_echo(command)})

    async def _send_all(self) -> None:
        while True:
            frame = await self._outbox.get()
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self.websocket.send_text(frame.decode())
            except TimeoutError as error:
                reason = "You read too slowly; connect again and `sub` after your last seq."
                raise _Close(SLOW, reason) from error

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await self._say({"hb": True})

    async def _until_ended(self) -> None:
        error = await self.watched.ended
        if isinstance(error, UnauthenticatedError):
            raise _Close(UNAUTHENTICATED, "The credential has ended.")
        raise _Close(FORBIDDEN, "This credential may not ask any more.")


async def _caller(app: App, websocket: WebSocket) -> Principal:
    """Who opens a connection: by a ticket in the address, or as any other request says it."""
    ticket = websocket.query_params.get("ticket")
    if ticket is not None:
        return await app.accounts.redeem_ticket(ticket)
    return await authenticate(app, websocket)


def _first(ends: BaseExceptionGroup[_Close]) -> _Close:
    first = ends.exceptions[0]
    return first if isinstance(first, _Close) else _first(first)


def _run_id(command: Command) -> RunId:
    if command.run is None:
        raise InvalidError(f"`{command.op}` needs `run`.", hint="Send the id of a run.")
    return RunId(command.run)


def _echo(command: Command) -> dict[str, str]:
    return {} if command.id is None else {"id": command.id}
