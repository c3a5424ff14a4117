"""What a client may say on a WebSocket."""

import json
from enum import StrEnum
from uuid import UUID

from pydantic import Field, ValidationError

from citewell.api.errors import from_validation
from citewell.api.schemas.fields import Body, CollectionNames, ShortText


class Op(StrEnum):
    """What a frame asks for."""

    START = "start"
    SUB = "sub"
    UNSUB = "unsub"
    CANCEL = "cancel"
    PING = "ping"


class Command(Body):
    """A frame; without `op` its `input` is a question. `id` comes back with the reply."""

    op: Op = Op.START
    id: ShortText | None = None
    run: UUID | None = None
    after: int = Field(default=-1, ge=-1, le=2**31)
    input: str | None = None
    collections: CollectionNames = Field(default=[])


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
