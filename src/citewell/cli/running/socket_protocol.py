"""A WebSocket as the listener speaks it: what the application never sees is bounded too.

The library answers pings, gathers fragments and reads ahead by itself; whoever sends nothing but
those is met here.
"""

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# Parsed at once, before anybody else has a turn.
PIECE_BYTES = 4096
MAX_FRAGMENTS = 64
# A peer that keeps a connection alive needs one in twenty seconds.
MAX_CONTROLS = 100
CONTROL_SECONDS = 10.0
LEAVE_SECONDS = 12.0

NOT_UTF8 = 1007
POLICY = 1008
TOO_BIG = 1009


class SocketProtocol(WebSocketsSansIOProtocol):
    """Ends a flood of control frames or fragments, and a peer that does not let itself be ended."""

    _unread = b""
    _controls = 0
    _counted_from = float("-inf")
    _leaving: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Read piece by piece, as far as the application keeps up."""
        self._unread += data
        self._read_on()

    async def receive(self) -> Any:  # uvicorn has a type of its own for each message.
        """The next message; what came with it is read when it is gone."""
        message = await super().receive()
        self._read_on()
        return message

    async def send(self, message: Any) -> None:
        """Send; after a close nobody asks for messages, and the peer's own close is read here."""
        await super().send(message)
        self._read_on()

    def handle_ping(self) -> None:
        """Answer, unless there are too many."""
        if self._is_bearable():
            super().handle_ping()

    def handle_pong(self, event: Any) -> None:
        """Take note, unless there are too many."""
        if self._is_bearable():
            super().handle_pong(event)

    def handle_cont(self, event: Any) -> None:
        """Gather a message; empty fragments have no size that could be too big."""
        if self.close_sent:
            return
        super().handle_cont(event)
        if len(self.frames) > MAX_FRAGMENTS:
            self._end(TOO_BIG, f"A message has at most {MAX_FRAGMENTS} fragments.")

    def send_receive_event_to_app(self) -> None:
        """Hand a message over; a text that is not UTF-8 is its sender's mistake, not ours."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self._end(NOT_UTF8, "This text is not UTF-8.")
                return
        super().send_receive_event_to_app()

    def on_task_complete(self, task: "asyncio.Task[None]") -> None:
        """The application is through with this peer, who has so long to take what was sent."""
        super().on_task_complete(task)
        self._leaving = self.loop.call_later(LEAVE_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is waited for any more."""
        self._unread = b""
        if self._leaving is not None:
            self._leaving.cancel()
        super().connection_lost(exc)

    def _read_on(self) -> None:
        while self._unread and not self.read_paused and not self.disconnected:
            piece, self._unread = self._unread[:PIECE_BYTES], self._unread[PIECE_BYTES:]
            super().data_received(piece)

    def _is_bearable(self) -> bool:
        now = self.loop.time()
        if now - self._counted_from > CONTROL_SECONDS:
            self._controls, self._counted_from = 0, now
        self._controls += 1
        if self._controls > MAX_CONTROLS and not self.close_sent:
            self._end(POLICY, "These are too many pings and pongs.")
        return not self.close_sent

    def _end(self, code: int, reason: str) -> None:
        self.conn.fail(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.close()
