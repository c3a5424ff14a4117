"""HTTP/1.1 as the listener speaks it: patience has an end, every refusal has its headers."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from citewell.api.middleware import bare_reply

PATIENCE_SECONDS = 20.0
MAX_CONNECTIONS = 2000
# Beyond these the WebSocket library neither answers nor closes.
HANDSHAKE_LINE = 8000
HANDSHAKE_HEADERS = 100


class Protocol(H11Protocol):
    """Refuses what is no request, who never ends one, and the connection that is too many."""

    _rest: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:  # uvicorn narrows the type of asyncio.
        """Expect a request soon, unless there are too many connections already."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self._say(503, "unavailable", "There are too many connections; try again in a moment.")
            return
        self._await_rest()

    def data_received(self, data: bytes) -> None:
        """Read on; the head of a request that has begun must end in time too."""
        super().data_received(data)
        self._reconsider()

    def on_response_complete(self) -> None:
        """Whoever has been answered has only so long to finish what nobody reads."""
        super().on_response_complete()
        self._reconsider()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand a connection over, unless its handshake is too large to be answered there."""
        lines = [event.target, *(name + value for name, value in event.headers)]
        if len(lines) > HANDSHAKE_HEADERS or max(map(len, lines)) > HANDSHAKE_LINE:
            self._say(400, "malformed", "This handshake of a WebSocket is too large.")
            return
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # The parser's words help nobody.
        """End the connection with a problem."""
        if self.cycle is not None and not self.cycle.response_complete:
            # The body broke while it was read: the application has nobody to answer any more.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._say(400, "malformed", "This is not an HTTP request that can be read.")
        else:
            self.transport.close()

    def _say(self, status: int, code: str, detail: str) -> None:
        headers, body = bare_reply(status, code, detail)
        start = h11.Response(status_code=status, headers=[*headers, (b"connection", b"close")])
        for event in (start, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _reconsider(self) -> None:
        theirs = self.conn.their_state
        answered = self.cycle is not None and self.cycle.response_complete
        if theirs is h11.IDLE or (theirs is h11.SEND_BODY and answered):
            self._await_rest()
        else:
            self._stop_waiting()

    def _await_rest(self) -> None:
        if self._rest is None:
            self._rest = self.loop.call_later(PATIENCE_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
