"""Everything that can go wrong on purpose.

AppError
├── InvalidError       the request cannot be understood; `errors` names the fields
├── UnauthenticatedError  nobody we know
├── DeniedError        known, but not allowed
├── NotFoundError      does not exist, or not for this tenant (never tells which)
│   └── GoneError      was there, and is kept no longer
├── ConflictError      contradicts what is stored
│   └── ChangedError   is not what the caller has seen
├── QuotaExceededError  more than the tenant may store
├── TooLargeError      over a stated limit
├── UnsupportedError   a kind of file or option that nobody here can handle
├── LimitedError       too often; `retry_after` seconds
│   └── BudgetExceededError  more than the tenant may spend on models
├── UnavailableError   a part that we depend on is not there now; `retry_after` seconds
├── UpstreamError      a model or service answered wrongly
├── TimedOutError      took longer than the stated limit
├── LeaseLostError     somebody else does this job now
├── DamagedError       what is stored does not open with its key: it was changed or moved
├── DocumentError      the file itself cannot be read; `code` says why
└── StartError         the process cannot start; one sentence with the cause and the remedy
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field of a request and what is wrong with it."""

    field: str
    message: str


class AppError(Exception):
    """An expected failure: a stable `code`, a sentence for people, a hint on what to do."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        """`message` names the cause, `hint` the remedy; both are shown to the caller."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidError(AppError):
    """The request cannot be understood."""

    code = "invalid"

    def __init__(
        self, message: str, *, hint: str = "", errors: tuple[FieldProblem, ...] = ()
    ) -> None:
        """`errors` names each field that is at fault."""
        super().__init__(message, hint=hint)
        self.errors = errors


class UnauthenticatedError(AppError):
    """The credential is missing, unknown or expired."""

    code = "unauthenticated"


class DeniedError(AppError):
    """The caller is known but not allowed."""

    code = "forbidden"


class NotFoundError(AppError):
    """The thing does not exist, or not for this tenant."""

    code = "not_found"


class GoneError(NotFoundError):
    """The thing was there and is kept no longer."""

    code = "gone"


class ConflictError(AppError):
    """The request contradicts what is stored."""

    code = "conflict"


class ChangedError(ConflictError):
    """The thing is not in the state any more that the caller has seen."""

    code = "changed"


class QuotaExceededError(AppError):
    """The tenant would store more than it may."""

    code = "quota_exceeded"


class TooLargeError(AppError):
    """A body, field or file is over its limit."""

    code = "too_large"


class UnsupportedError(AppError):
    """Nobody here can handle this kind of file or option."""

    code = "unsupported"


class LimitedError(AppError):
    """Too many requests; try again after `retry_after` seconds."""

    code = "rate_limited"
    retryable = True

    def __init__(self, message: str, *, hint: str = "", retry_after: float = 1.0) -> None:
        """`retry_after` is in seconds."""
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class BudgetExceededError(LimitedError):
    """The tenant would spend more on models than it may; `retry_after` is the next period."""

    code = "budget_exceeded"


class UnavailableError(LimitedError):
    """A part that we depend on is not there now."""

    code = "unavailable"


class UpstreamError(AppError):
    """A model or service that we depend on failed or answered wrongly."""

    code = "upstream"
    retryable = True


class TimedOutError(AppError):
    """The work took longer than its limit."""

    code = "timeout"
    retryable = True


class LeaseLostError(AppError):
    """The lease of a job has passed to somebody else; what was computed must not be written."""

    code = "lease_lost"
    retryable = True


class DamagedError(AppError):
    """What is stored is not what was sealed there: it was changed, moved or cut."""

    code = "damaged"


class StartError(AppError):
    """The process cannot start: the message names the cause, the hint the remedy."""

    code = "start"


class DocumentError(AppError):
    """The file itself cannot become text; `reason` is one of the codes of `FailureCode`."""

    code = "document"

    def __init__(self, reason: str, message: str, *, hint: str = "") -> None:
        """`reason` is stored as the document's failure code."""
        super().__init__(message, hint=hint)
        self.reason = reason
