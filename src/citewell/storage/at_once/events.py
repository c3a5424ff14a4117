"""The log of a run, from where its reader is, in one round trip each time that it has grown."""

from sqlalchemy import text

from citewell.domain.errors import NotFoundError
from citewell.domain.ids import RunId
from citewell.domain.principal import Principal
from citewell.domain.runs.states import RunState
from citewell.storage.at_once.heads import Read
from citewell.storage.repositories.conversing.run_log import SEALED_EVENT, JsonObject
from citewell.storage.sealing.seal import Seal

_EVENTS = text(
    "SELECT r.state, e.seq, e.event FROM runs r"
    " JOIN conversations c ON c.id = r.conversation_id AND c.user_id = :user"
    " LEFT JOIN LATERAL (SELECT seq, event FROM run_events WHERE tenant_id = r.tenant_id"
    "  AND run_id = r.id AND seq > :after ORDER BY seq LIMIT :limit) e ON true"
    " WHERE r.tenant_id = :tenant AND r.id = :run ORDER BY e.seq"
)


async def events_after(
    read: Read, seal: Seal, who: Principal, run_id: RunId, *, after: int, limit: int
) -> tuple[RunState, list[tuple[int, JsonObject]]]:
    """The state of a caller's own run, and (number, event) strictly after `after`, in order.

    Raises `NotFoundError` when this user has no such run.
    """
    values = {"user": who.user_id, "run": run_id, "after": after, "limit": limit}
    rows = await read(who, _EVENTS, values)
    if not rows:
        raise NotFoundError(f"No run {run_id}.")
    found = [
        (seq, seal.open_json(SEALED_EVENT, f"{run_id}/{seq}", event))
        for _, seq, event in rows
        if seq is not None
    ]
    return RunState(rows[0][0]), found
