"""What is said on a WebSocket, understood."""

import json

from pydantic import ValidationError

from citewell.api.errors import from_validation
from citewell.api.schemas.sockets import Command


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
