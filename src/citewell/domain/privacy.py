"""What people may ask about themselves: what they agreed to, a copy, and to be forgotten."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from citewell.domain.ids import ErasureId, ExportId, TenantId, UserId


@dataclass(frozen=True, slots=True)
class Consent:
    """One decision: `version` is that of the text which the person was shown."""

    purpose: str
    version: str
    given: bool
    at: datetime


class ExportState(StrEnum):
    """Where a copy is in its life."""

    WAITING = "waiting"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Export:
    """A copy of all that is stored about a person; `blob_key` is set when it is ready."""

    id: ExportId
    user_id: UserId
    created_at: datetime
    finished_at: datetime | None
    blob_key: str | None
    sha256: str | None
    size: int | None

    @property
    def state(self) -> ExportState:
        """Whether it can be fetched."""
        return ExportState.WAITING if self.blob_key is None else ExportState.READY


@dataclass(frozen=True, slots=True)
class Erasure:
    """An entry of the ledger.

    `removed` counts what went, by store; until `erased_at` it counts what was found when it was
    asked for. `scrubbed_at` is when the bytes were overwritten or given back too.
    """

    id: ErasureId
    tenant_id: TenantId
    user_id: UserId
    requested_by: UserId
    everywhere: bool
    with_documents: bool
    created_at: datetime
    erased_at: datetime | None
    scrubbed_at: datetime | None
    removed: Mapping[str, int]


class ReplayState(StrEnum):
    """What became of an entry of the ledger that was held against the database."""

    KNOWN = "known"
    ERASED = "erased"
    REFUSED = "refused"
    NO_TENANT = "no_tenant"


@dataclass(frozen=True, slots=True)
class Replayed:
    """An entry of the ledger, what became of it, what was removed by store, and why not all was."""

    entry: Erasure
    state: ReplayState
    removed: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
