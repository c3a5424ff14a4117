"""The worker process: the same wiring as the server, without its doors."""

import asyncio
import ctypes
import os
import signal
import sys
from uuid import UUID, uuid4

import uvloop

from citewell.accounts.privacy.exporting import Exporting
from citewell.bootstrap import open_core
from citewell.config import Settings
from citewell.documents.ingest import Ingestion
from citewell.documents.parsers.host import ParserHost
from citewell.documents.removal import Removal
from citewell.documents.sealing.resealing import Resealing
from citewell.telemetry.logs import configure
from citewell.worker.loop import Worker
from citewell.worker.privacy import erasing_of, retention_of

_PR_SET_PDEATHSIG = 1


def work(settings: Settings, worker_id: str | None, *, die_with_parent: bool) -> None:
    """Claim jobs until SIGTERM or SIGINT; then hand back what is not finished."""
    configure(settings.log_level)
    if die_with_parent:
        _die_with_parent()
    uvloop.run(_work(settings, UUID(worker_id) if worker_id else uuid4()))


async def _work(settings: Settings, worker_id: UUID) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    limits = settings.limits
    host = ParserHost(limits.parse_seconds, limits.parse_memory_bytes, limits.text_chars)
    async with open_core(settings, on_failure=lambda _: stop.set()) as core, host:
        erasing = erasing_of(core)
        await erasing.replay()
        worker = Worker(
            worker_id,
            core.database,
            core.notifications,
            Ingestion(core.database, core.blobs, host, core.paid_embedder()),
            Removal(core.database, core.blobs),
            Exporting(core.database, core.blobs),
            erasing,
            retention_of(core),
            Resealing(core.database, core.blobs),
        )
        await worker.run(stop)


def _die_with_parent() -> None:
    """End when the server ends, also when it had no time to say so (Linux)."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # The server may have died between the fork and the line above.
    if os.getppid() != parent or parent == 1:
        sys.exit(0)
