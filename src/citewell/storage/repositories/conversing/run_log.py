"""The log of a run grows in one statement: its events are numbered, stored and told of together."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from citewell.domain.ids import RunId
from citewell.domain.runs.states import RunState
from citewell.storage.sealing.seal import Seal

RUNS_TOPIC = "citewell_runs"
RUN_LEASE_SECONDS = 15
SEALED_EVENT = "run_events.event"

JsonObject = Mapping[str, Any]

# Of the run's row as it was found by whoever appends: nothing is done to another one.
APPENDED = (
    "WITH moved AS (UPDATE runs SET head = :last, state = :state,"
    "  lease_until = CASE WHEN :state = 'running' THEN now() + make_interval(secs => :lease) END,"
    "  finished_at = CASE WHEN :ended THEN now() END"
    " WHERE tenant_id = :tenant AND id = :run AND state = 'running' AND head = :after"
    " RETURNING id, conversation_id, CAST(pg_notify(:topic, :told) AS text)),"
    " stored AS (INSERT INTO run_events (tenant_id, run_id, seq, event)"
    "  SELECT :tenant, moved.id, :after + e.place, e.event FROM moved,"
    "  unnest(CAST(:events AS jsonb[])) WITH ORDINALITY AS e (event, place))"
)
APPEND = text(" ".join((APPENDED, "SELECT id FROM moved")))


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of a run that follow number `after`, in order."""

    run_id: RunId
    after: int
    events: Sequence[JsonObject]

    @property
    def last(self) -> int:
        """The number of the last event."""
        return self.after + len(self.events)


def appended(seal: Seal, batch: Batch, state: RunState = RunState.RUNNING) -> dict[str, Any]:
    """The values of `APPEND`; then the run is in `state`."""
    return {
        "tenant": seal.tenant_id,
        "run": batch.run_id,
        "after": batch.after,
        "last": batch.last,
        "state": state.value,
        "ended": state.has_ended,
        "lease": RUN_LEASE_SECONDS,
        "topic": RUNS_TOPIC,
        "told": f"{seal.tenant_id}:{batch.run_id}:{batch.last}",
        "events": sealed(seal, batch),
    }


def sealed(seal: Seal, batch: Batch) -> list[str]:
    """The events as JSON to store."""
    return [
        json.dumps(seal.json(SEALED_EVENT, f"{batch.run_id}/{number}", event))
        for number, event in enumerate(batch.events, batch.after + 1)
    ]
