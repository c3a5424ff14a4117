"""Changing only what one has seen: `ETag` on what is shown, `If-Match` on what is changed."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Response

from citewell.api.schemas.fields import Shown
from citewell.documents.revisions import State, revision

TAGGED: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"description": "For `If-Match`.", "schema": {"type": "string"}}}}
}
CONDITIONAL: dict[int | str, dict[str, Any]] = {**TAGGED, 412: {}}

# A weak tag never matches: only equal states may be changed.
_STRONG_TAG = re.compile(r'(?<!W/)"([^"]*)"')

Tagged = TypeVar("Tagged", bound=Shown)


def tagged(response: Response, state: State, shown: Tagged) -> Tagged:
    """`shown`, with the entity tag of the state that it shows in the reply's headers."""
    response.headers["etag"] = f'"{revision(state)}"'
    return shown


@dataclass(frozen=True, slots=True)
class Precondition:
    """The revisions of which the thing to change must be one; None is any."""

    seen: frozenset[str] | None
    response: Response


async def _precondition(
    response: Response,
    if_match: Annotated[
        str | None,
        Header(
            max_length=2000,
            description="Change it only while its `ETag` is one of these; 412 otherwise.",
        ),
    ] = None,
) -> Precondition:
    if if_match is None or if_match.strip() == "*":
        return Precondition(None, response)
    return Precondition(frozenset(_STRONG_TAG.findall(if_match)), response)


PreconditionDep = Annotated[Precondition, Depends(_precondition)]
