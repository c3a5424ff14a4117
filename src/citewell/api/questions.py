"""Questions from outside: checked once, for every door."""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from pydantic import ValidationError

from citewell.api.errors import from_validation
from citewell.api.schemas.approvals import ResumeEntry
from citewell.api.schemas.sockets import Command
from citewell.bootstrap import App
from citewell.domain.errors import (
    AppError,
    DeniedError,
    FieldProblem,
    InvalidError,
    LimitedError,
    NotFoundError,
    TimedOutError,
    UnavailableError,
    UpstreamError,
)
from citewell.domain.ids import RunId
from citewell.domain.principal import Principal, Scope
from citewell.storage.repetition import RequestKey
from citewell.storage.repositories.conversing.runs import Run
from citewell.telemetry.logs import logger

log = logger(__name__)

_LINE_BREAKING = frozenset("\n\r\t")
_FAILURES: dict[str, type[AppError]] = {
    kind.code: kind for kind in (UnavailableError, LimitedError, UpstreamError, TimedOutError)
} | {kind.code: kind for kind in (InvalidError, NotFoundError, DeniedError)}
_FAILURES["interrupted_by_restart"] = UnavailableError
_REFUSED = frozenset({"Cc", "Cs"})


def check_question(text: str, limit: int, *, field: str) -> str:
    """The question without white space around it.

    Raises `InvalidError` naming `field` when it is empty, longer than `limit` characters, or holds
    characters that are no text.
    """
    if len(text) > limit:
        raise _refused(
            field,
            f"The question has {len(text):,} characters; at most {limit:,} are read.",
            "Ask something shorter, or raise CITEWELL_LIMITS__QUESTION_CHARS.",
        )
    asked = text.strip()
    if not any(not character.isspace() for character in asked):
        raise _refused(field, "The question is empty.", "Write what you would like to know.")
    if any(_is_no_text(character) for character in asked):
        raise _refused(
            field,
            "The question holds control characters or unpaired surrogates.",
            "Send plain text in UTF-8.",
        )
    return asked


def asking(principal: Principal) -> Principal:
    """Whom a question searches for: who may ask need not be allowed to search by hand."""
    return replace(principal, scopes=principal.scopes | {Scope.SEARCH})


async def resume(
    app: App,
    principal: Principal,
    run_id: RunId,
    answers: Sequence[ResumeEntry],
    once: RequestKey | None = None,
) -> Run:
    """The run that goes on from one that waited. Raises as `Chat.resume`."""
    [answer] = answers
    return await app.chat.resume(
        asking(principal), run_id, answer.interrupt_id, approved=answer.approved, once=once
    )


def parse_command(text: str) -> Command:
    """A JSON object is a command, any other text a question; raises `InvalidError`."""
    try:
        said = json.loads(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        return Command(input=text)
    try:
        return Command.model_validate(said)
    except ValidationError as error:
        raise from_validation(error) from error


def raise_for(error: tuple[str, str] | None) -> None:
    """Raise what ended a run, for callers that see no events: (code, message), None for nothing."""
    if error is None:
        return
    code, message = error
    kind = _FAILURES.get(code)
    if kind is None:
        log.warning("run.failed_for_caller", code=code)
        raise AppError(message)
    raise kind(message)


def _is_no_text(character: str) -> bool:
    return unicodedata.category(character) in _REFUSED and character not in _LINE_BREAKING


def _refused(field: str, message: str, hint: str) -> InvalidError:
    return InvalidError(message, hint=hint, errors=(FieldProblem(field, message),))
