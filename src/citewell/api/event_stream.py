"""A run's events as server-sent events: a reader of the log that may leave and come back."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractContextManager, aclosing
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from citewell.api.vigil import Watched
from citewell.domain.errors import AppError
from citewell.telemetry.logs import logger

PING_SECONDS = 15.0
Events = AsyncGenerator[tuple[int, Mapping[str, Any]], None]

log = logger(__name__)


class _Left(Exception):  # noqa: N818  # Not an error: the reader has gone.
    """The reader has closed the connection, or may not read on."""


class EventStream(Response):
    """Frames `id: <number>` and `data: <json>`, LF only; a comment keeps idle connections open."""

    media_type = "text/event-stream"

    def __init__(self, events: Events, watch: AbstractContextManager[Watched]) -> None:
        """`watch` says when the reader's credential has ended; then the stream does too."""
        super().__init__(headers={"x-accel-buffering": "no"}, media_type=self.media_type)
        self._events = events
        self._watch = watch
        del self.headers["content-length"]

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send frames until the run has ended or the reader has left."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        try:
            with self._watch as watched:
                async with asyncio.TaskGroup() as group:
                    beside = [
                        group.create_task(_until_left(receive)),
                        group.create_task(_until_ended(watched)),
                        group.create_task(_ping(send)),
                    ]
                    await self._send_all(send)
                    for task in beside:
                        task.cancel()
        except* _Left:
            # Nobody hears it, and the server expects an end all the same.
            pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, send: Send) -> None:
        try:
            async with aclosing(self._events) as events:
                async for number, event in events:
                    await _send_piece(send, frame(number, event))
        except AppError as error:
            # The stream ends without a terminal event, which tells the reader to come back.
            log.warning("events.interrupted", code=error.code)


def frame(number: int, event: Mapping[str, Any]) -> bytes:
    """One event; JSON has no raw line break, so one `data` line holds it."""
    return b"id: %d\ndata: %b\n\n" % (number, orjson.dumps(event))


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise _Left


async def _until_ended(watched: Watched) -> None:
    await watched.ended
    raise _Left


async def _ping(send: Send) -> None:
    while True:
        await asyncio.sleep(PING_SECONDS)
        await _send_piece(send, b": ping\n\n")


async def _send_piece(send: Send, piece: bytes) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": True})
