"""What every failed request is answered with (RFC 9457)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Code(StrEnum):
    """Every `code` of a problem; stable, for programs."""

    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    LEASE_LOST = "lease_lost"
    QUOTA_EXCEEDED = "quota_exceeded"
    GONE = "gone"
    CHANGED = "changed"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    WRONG_HOST = "wrong_host"
    INVALID = "invalid"
    DOCUMENT = "document"
    RATE_LIMITED = "rate_limited"
    BUDGET_EXCEEDED = "budget_exceeded"
    INTERNAL = "internal"
    DAMAGED = "damaged"
    UPSTREAM = "upstream"
    UNAVAILABLE = "unavailable"
    START = "start"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Meaning:
    """The HTTP status of a code, and what it tells."""

    status: int
    text: str


MEANINGS: Mapping[Code, Meaning] = {
    Code.MALFORMED: Meaning(400, "The request cannot be read at all."),
    Code.UNAUTHENTICATED: Meaning(401, "The credential is missing, unknown or has ended."),
    Code.FORBIDDEN: Meaning(403, "The caller is known but may not do this."),
    Code.NOT_FOUND: Meaning(404, "There is no such thing, or it belongs to somebody else."),
    Code.METHOD_NOT_ALLOWED: Meaning(405, "The address takes other methods; see `Allow`."),
    Code.CONFLICT: Meaning(409, "The request contradicts what is stored."),
    Code.LEASE_LOST: Meaning(409, "Somebody else does this job now."),
    Code.QUOTA_EXCEEDED: Meaning(409, "The tenant would store more than it may."),
    Code.GONE: Meaning(410, "It was there, and is kept no longer."),
    Code.CHANGED: Meaning(412, "It is not what the caller has seen; read it again."),
    Code.TOO_LARGE: Meaning(413, "A body, a field or a file is over its limit."),
    Code.UNSUPPORTED: Meaning(415, "Nobody here can handle this kind of body or file."),
    Code.WRONG_HOST: Meaning(421, "The server does not answer to this host name."),
    Code.INVALID: Meaning(422, "The request does not have the declared shape; see `errors`."),
    Code.DOCUMENT: Meaning(422, "The file cannot become text."),
    Code.RATE_LIMITED: Meaning(429, "Too often; see `Retry-After`."),
    Code.BUDGET_EXCEEDED: Meaning(429, "The tenant would spend more on models than it may."),
    Code.INTERNAL: Meaning(500, "A defect; the log has it under the request id."),
    Code.DAMAGED: Meaning(500, "What is stored was changed or moved and does not open."),
    Code.UPSTREAM: Meaning(502, "A model or service failed or answered wrongly."),
    Code.UNAVAILABLE: Meaning(503, "Something that is needed is not there now."),
    Code.START: Meaning(503, "The server could not start."),
    Code.TIMEOUT: Meaning(504, "It took longer than its limit."),
}


class ProblemField(BaseModel):
    """One field of the request and what is wrong with it."""

    model_config = ConfigDict(extra="forbid")

    field: str
    message: str


class Problem(BaseModel):
    """`code` is stable and for programs, `detail` and `hint` are for people."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(json_schema_extra={"enum": list(Code)})
    request_id: str
    errors: list[ProblemField] = Field(default=[])
    hint: str = ""
    retryable: bool = False
