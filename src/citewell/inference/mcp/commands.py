"""Commands that start servers of tools on this machine: the operator's word, and nobody else's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from citewell.domain.errors import StartError
from citewell.domain.tools.servers import SERVER_NAME

SETTING = "CITEWELL_MCP__COMMANDS_FILE"
MOST_BYTES = 1 << 20
SEARCHED = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments; its environment is what is said here, and nothing else."""

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


class _Entry(BaseModel):
    """As other programs that start such servers write it."""

    model_config = ConfigDict(extra="forbid")

    command: str = Field(min_length=1)
    args: list[str] = []
    env: dict[str, str] = {}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    servers: dict[str, _Entry] = Field(alias="mcpServers")


def read_commands(path: Path | None) -> Mapping[str, Command]:
    """The commands of a file by their names; none without one. Blocks; raises `StartError`."""
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            # What is larger than a file of commands is cut, and then no JSON.
            entries = _File.model_validate_json(file.read(MOST_BYTES)).servers
    except (OSError, ValidationError) as error:
        raise StartError(
            f"{SETTING}: {path} cannot be read: {_first(error)}.",
            hint='Write {"mcpServers": {"clock": {"command": "/opt/clock", "args": []}}}.',
        ) from error
    return {name: _command(name, entry) for name, entry in entries.items()}


def _command(name: str, entry: _Entry) -> Command:
    if not SERVER_NAME.fullmatch(name):
        raise StartError(
            f"{SETTING} names {name!r}.", hint="A name is lower case: letters, digits and hyphens."
        )
    return Command((entry.command, *entry.args), {"PATH": SEARCHED, **entry.env})


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        # What stands in the file may be a secret: only where the fault is.
        first = error.errors(include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error.strerror if isinstance(error, OSError) else error)
