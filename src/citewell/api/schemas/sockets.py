"""What a client may say on a WebSocket."""

from enum import StrEnum
from uuid import UUID

from pydantic import Field

from citewell.api.schemas.approvals import Resume
from citewell.api.schemas.fields import Body, CollectionNames, ShortText


class Op(StrEnum):
    """What a frame asks for."""

    START = "start"
    SUB = "sub"
    UNSUB = "unsub"
    CANCEL = "cancel"
    RESUME_INTERRUPT = "resume_interrupt"
    PING = "ping"


class Command(Body):
    """A frame; without `op` its `input` is a question. `id` comes back with the reply."""

    op: Op = Op.START
    id: ShortText | None = None
    run: UUID | None = None
    after: int = Field(default=-1, ge=-1, le=2**31)
    input: str | None = None
    collections: CollectionNames = Field(default=[])
    conversation: UUID | None = None
    resume: Resume | None = None
