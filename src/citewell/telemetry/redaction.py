"""What may be told of a value or an error: no credential, and no word that a person wrote."""

import re
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

from citewell.domain.errors import AppError

HIDDEN = "[hidden]"
MAX_CHARS = 16_000
MAX_DEPTH = 6

_SECRET_FIELD = re.compile(
    r"key$|token|password|passwd|secret|authorization|cookie|credential|session|dsn|url$|e?mail"
    r"|^(?:text|title|filename|question|prompt|query|input|answer|content|quote|body)$",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"\b(?:cw_|sk-|pk-|gh[pousr]_|github_pat_|xox[abprs]-|glpat-|hf_|AKIA|ASIA|AIza)[\w.~+/=-]{8,}"
    r"|\b(?:Bearer|Basic)\s+[\w.~+/=-]{8,}"
    r"|\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"
    r"|://[^/\s@]{1,500}@"
    r"|\b(?:password|passwd|secret|token|api[_-]?key|session|code)\s?[=:]\s?[^\s&;,]+"
    r"|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"
    r"|-----BEGIN [A-Z ]{1,40}-----[^-]*(?:-----END [A-Z ]{1,40}-----)?",
    re.IGNORECASE,
)
# An apostrophe needs its partner to be a quote; a mark that only opens hides the rest.
_QUOTED = re.compile(
    r"'[^']*'|\"[^\"]*\"|`[^`]*`|‘[^’]*(?:’|\Z)|“[^”]*(?:”|\Z)|\([^()]*\)=\([^()]*\)"
)
# What follows in a database's message quotes rows, statements and their parameters.
_DETAIL = re.compile(
    r"(?<!\s)\s*(?:DETAIL:|CONTEXT:|LINE \d+:|\[SQL:|\[parameters:|HINT:).*", re.DOTALL
)


def redacted(name: str, value: Any, depth: int = 0) -> Any:
    """The value of the field `name` as a log may hold it."""
    if _SECRET_FIELD.search(name) or depth > MAX_DEPTH:
        return HIDDEN
    if isinstance(value, int | float | None):
        return value
    if isinstance(value, Mapping):
        return {str(key): redacted(str(key), item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted("", item, depth + 1) for item in value]
    return _SECRET_TEXT.sub(HIDDEN, str(value)[:MAX_CHARS])


def told(error: BaseException) -> str:
    """Where an error came from, link by link; its words without what they quote.

    An expected error is told by its code: its message may name a file or a collection. Any other
    may quote a row or a request.
    """
    return "\n".join(_links(error, set()))[:MAX_CHARS]


def message_of(error: BaseException) -> str:
    """The error's words, with everything quoted left out."""
    text = _DETAIL.sub("", str(error)[:MAX_CHARS])
    return _QUOTED.sub("'…'", text.partition("\n")[0])[:300]


def _links(error: BaseException, seen: set[int]) -> Iterator[str]:
    if id(error) in seen:
        return
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _links(before, seen)
        yield "which led to:"
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"  {frame.filename}:{frame.lineno} {frame.name}"
    kind = type(error)
    words = error.code if isinstance(error, AppError) else message_of(error)
    yield f"{kind.__module__}.{kind.__qualname__}: {words}"
    if isinstance(error, BaseExceptionGroup):
        for number, one in enumerate(error.exceptions, start=1):
            yield f"part {number}:"
            yield from _links(one, seen)
