"""Consents, exports and erasures, as clients see them."""

from datetime import datetime
from uuid import UUID

from pydantic import Field, StrictBool

from citewell.api.schemas.fields import Body, Name, Shown
from citewell.domain.privacy import ExportState


class Decision(Body):
    """Agreeing to a purpose, or withdrawing; `version` names the text that the person read."""

    purpose: Name
    version: Name
    given: StrictBool


class ConsentShown(Shown):
    """One decision."""

    purpose: str
    version: str
    given: bool
    at: datetime


class Consents(Shown):
    """The newest first; the first one of a purpose is in force."""

    items: list[ConsentShown]


class ExportRequest(Body):
    """`person` is the caller when absent."""

    person: UUID | None = None


class ExportShown(Shown):
    """A copy of all that is stored about `user_id`."""

    id: UUID
    user_id: UUID
    state: ExportState
    created_at: datetime
    finished_at: datetime | None
    sha256: str | None
    size: int | None


class ErasureRequest(Body):
    """`person` is the caller when absent."""

    person: UUID | None = None
    documents: StrictBool = Field(
        default=False, description="Also the documents that nobody else has brought a version of."
    )


class ErasureShown(Shown):
    """A receipt: until `erased_at`, `removed` counts what was found; then what went, by store."""

    id: UUID
    user_id: UUID
    everywhere: bool
    with_documents: bool
    created_at: datetime
    erased_at: datetime | None
    scrubbed_at: datetime | None
    removed: dict[str, int]
