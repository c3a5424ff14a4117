"""Expected failures: each with a stable code, a sentence and a remedy, in the drawn order."""

from collections.abc import Iterator

import pytest

from citewell.domain import errors
from citewell.domain.errors import AppError, DocumentError, InvalidError, LimitedError


def every(kind: type[AppError] = AppError) -> Iterator[type[AppError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from every(below)


EVERY = [kind for kind in every() if kind.__module__ == errors.__name__]


def test_no_two_failures_share_a_code() -> None:
    codes = [kind.code for kind in EVERY]
    assert sorted(set(codes)) == sorted(codes)


def test_the_drawing_names_every_failure() -> None:
    drawn = errors.__doc__ or ""
    assert [kind.__name__ for kind in EVERY if kind.__name__ not in drawn] == []


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_a_failure_says_what_happened_and_what_to_do(kind: type[AppError]) -> None:
    if issubclass(kind, DocumentError):
        made: AppError = kind("crash", "It broke.", hint="Mend it.")
    else:
        made = kind("It broke.", hint="Mend it.")
    assert (str(made), made.message, made.hint) == ("It broke.", "It broke.", "Mend it.")


@pytest.mark.parametrize("kind", [*every(LimitedError)], ids=lambda kind: kind.__name__)
def test_who_must_wait_is_told_how_long(kind: type[LimitedError]) -> None:
    assert kind.retryable
    assert kind("Busy.").retry_after > 0
    assert kind("Busy.", retry_after=7).retry_after == 7


def test_a_request_that_cannot_be_understood_names_its_fields() -> None:
    problem = errors.FieldProblem("limit", "must be above 0")
    assert InvalidError("No.", errors=(problem,)).errors == (problem,)
    assert InvalidError("No.").errors == ()
