"""What went wrong at a provider, told alike whatever library it was that said so."""

import re
from collections.abc import Mapping
from typing import Any

from langchain_core.exceptions import ModelError

from citewell.domain.errors import AppError, UnavailableError, UpstreamError
from citewell.inference.egress.lent import BROKEN
from citewell.inference.retries import seconds_asked

SHOWN_CHARACTERS = 300
_PASSING = frozenset({408, 409, 425, 429})
# What is wrong with the request, too long for the model for instance; others may go through.
_OF_THE_CALL = frozenset({400, 413, 422})
# A provider that says 429 because nobody has paid will say so tomorrow too.
_UNPAID = "insufficient_quota"
_KEY = re.compile(r"\b(?:sk|pk|hf|gsk|xai|key)[-_][\w*.-]{6,}|Bearer\s+\S+")
_CHECK = "Check the model's name, the address and the key."


class CallFailedError(UpstreamError):
    """What went wrong concerns this call, and tells nothing about the next one."""


class BusyError(UnavailableError):
    """The model is asked as often at once as it may be."""


class SilentError(UnavailableError):
    """The model did not speak in time; asking it again would take as long."""


def told(problem: Exception, name: str) -> AppError:
    """The error that callers see for one of a provider's library.

    `UnavailableError` for what may pass, with the seconds that the provider asks for as
    `retry_after` (0 without), `UpstreamError` for the rest. No message contains a key.
    """
    if isinstance(problem, AppError):
        return problem
    status, said = _status(problem), plain(str(problem))
    if status is None:
        if _is_broken(problem):
            return UnavailableError(
                f"{name} is not there: {said or type(problem).__name__}",
                hint="Try again later, or check that the model's server runs.",
                retry_after=0.0,
            )
        what = f"{type(problem).__name__}: {said}" if said else type(problem).__name__
        return UpstreamError(f"{name} answered with what is no answer: {what}", hint=_CHECK)
    message = f"{name} answered {status}: {said}"
    if (status in _PASSING or status >= 500) and _UNPAID not in said:
        asked = seconds_asked(_headers(problem).get("retry-after"))
        return UnavailableError(message, hint="Try again later.", retry_after=asked or 0.0)
    kind = CallFailedError if status in _OF_THE_CALL else UpstreamError
    return kind(message, hint=_CHECK)


def unusable(name: str, what: str) -> CallFailedError:
    """The error for an answer that can be read, and says nothing that helps."""
    return CallFailedError(
        f"{name} gave no usable answer: {what}.",
        hint="Ask again, or choose another model.",
    )


def plain(text: str) -> str:
    """One line of bounded length, without keys."""
    return _KEY.sub("[key]", " ".join(text.split()))[:SHOWN_CHARACTERS]


def _status(problem: Exception) -> int | None:
    for one in (problem, getattr(problem, "response", None)):
        status = getattr(one, "status_code", None)
        if isinstance(status, int) and status >= 400:
            return status
    return None


def _headers(problem: Exception) -> Mapping[str, Any]:
    headers = getattr(getattr(problem, "response", None), "headers", None)
    return headers if isinstance(headers, Mapping) else {}


def _is_broken(problem: Exception) -> bool:
    """Whether the connection failed, or the library calls it a failure that may pass."""
    seen: BaseException | None = problem
    while seen is not None:
        if isinstance(seen, (*BROKEN, ConnectionError, TimeoutError)):
            return True
        seen = seen.__cause__
    return isinstance(problem, ModelError) and problem.is_retryable
