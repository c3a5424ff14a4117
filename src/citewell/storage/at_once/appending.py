"""What a run says is stored in one round trip."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import TextClause

from citewell.domain.errors import LeaseLostError
from citewell.domain.ids import TenantId
from citewell.storage.at_once.once import Row
from citewell.storage.repositories.conversing.run_log import APPEND, Batch, appended
from citewell.storage.sealing.seal import Seal

# `Database.write`.
Write = Callable[[TenantId, TextClause, Mapping[str, Any]], Awaitable[list[Row]]]


async def append(write: Write, seal: Seal, batch: Batch) -> None:
    """Store the events in one round trip, and extend the run's lease.

    Raises `LeaseLostError` when the run has ended, or has other events behind `after`.
    """
    if not await write(seal.tenant_id, APPEND, appended(seal, batch)):
        raise LeaseLostError(f"Run {batch.run_id} has ended.")
