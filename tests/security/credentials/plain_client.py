"""A client that costs next to nothing: requests made beforehand, over connections that stay open.

Where a test measures a server under load on the same machine, its own client must not be the load.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Line:
    """One connection, which sends one request after the other."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, request: bytes) -> tuple[int, float]:
        """The status of the answer, and the seconds until it was there as a whole."""
        began = time.perf_counter()
        self.writer.write(request)
        async with asyncio.timeout(SECONDS):
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            size = next(line for line in lines if line.startswith(b"content-length:"))
            await self.reader.readexactly(int(size.partition(b":")[2]))
        return int(head.split(b" ", 2)[1]), time.perf_counter() - began


@asynccontextmanager
async def line_to(address: str) -> AsyncIterator[Line]:
    """A connection to `host:port`."""
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


def get(path: str, headers: Mapping[str, str]) -> bytes:
    """A request as it is sent."""
    lines = [f"GET {path} HTTP/1.1", "host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()
