"""A server of tools that is a process of this machine: started, spoken with, and ended."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCMessage
from pydantic import ValidationError

from citewell.domain.errors import UpstreamError
from citewell.inference.egress.tool_servers import Way
from citewell.inference.mcp.commands import Command

Heard = MemoryObjectReceiveStream[SessionMessage | Exception]
Said = MemoryObjectSendStream[SessionMessage]

LEAVE_SECONDS = 1.0


@asynccontextmanager
async def started(name: str, command: Command, way: Way) -> AsyncIterator[tuple[Heard, Said]]:
    """What the process says, line by line, and where to speak; at the end all of it is ended.

    It is in a group of its own, so that what it has started ends with it.
    """
    process = await _start(name, command, way.most)
    heard_writer, heard = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    said, said_reader = anyio.create_memory_object_stream[SessionMessage](0)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = (
                group.create_task(_listen(name, process, heard_writer, way)),
                group.create_task(_speak(process, said_reader)),
            )
            try:
                yield heard, said
            finally:
                for task in tasks:
                    task.cancel()
    finally:
        for stream in (heard_writer, heard, said, said_reader):
            stream.close()
        await _end(process)


async def _start(name: str, command: Command, most: int) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command.words,
            stdin=PIPE,
            stdout=PIPE,
            # What it complains of may hold what it was asked: that is nobody's log.
            stderr=DEVNULL,
            env=dict(command.environment),
            start_new_session=True,
            limit=most,
        )
    except OSError as error:
        raise UpstreamError(
            f"The command of the server {name!r} cannot be started: {error.strerror}.",
            hint="The operator has to correct it.",
        ) from error


async def _listen(
    name: str, process: Process, heard: MemoryObjectSendStream[SessionMessage | Exception], way: Way
) -> None:
    assert process.stdout is not None  # It is a pipe.
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:
            # A line that is longer than all that may come.
            line = b" " * (way.most + 1)
        if not line:
            way.trouble.tell(UpstreamError(f"The server {name!r} has ended by itself."))
            return
        try:
            way.take(len(line), f"The server {name!r}")
        except UpstreamError:
            return
        try:
            message = JSONRPCMessage.model_validate_json(line)
        except ValidationError:
            way.trouble.tell(UpstreamError(f"The server {name!r} writes what is no message."))
            return
        await heard.send(SessionMessage(message))


async def _speak(process: Process, said: MemoryObjectReceiveStream[SessionMessage]) -> None:
    assert process.stdin is not None  # It is a pipe.
    async for one in said:
        line = one.message.model_dump_json(by_alias=True, exclude_none=True)
        # A process that has ended is told of by whoever listens to it.
        with suppress(ConnectionError):
            process.stdin.write(line.encode() + b"\n")
            await process.stdin.drain()


async def _end(process: Process) -> None:
    """It may leave by itself when nobody speaks to it any more, and then has to."""
    assert process.stdin is not None  # It is a pipe.
    process.stdin.close()
    try:
        await _gone(process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    await _gone(process)


async def _gone(process: Process) -> None:
    """Wait a while for its end, which is noticed only when all that it has said is read."""
    assert process.stdout is not None  # It is a pipe.
    with suppress(TimeoutError):
        async with asyncio.timeout(LEAVE_SECONDS):
            while await process.stdout.read(1 << 16):
                continue
            await process.wait()
