"""Servers of tools (Model Context Protocol), and which of their tools an administrator approved of.

An approval is bound to what was read: the hash of a tool's name, description and input schema. A
server that says anything else later has a tool of which nobody has approved.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from citewell.domain.ids import McpServerId
from citewell.domain.tools.labels import Label

MOST_SERVERS = 20
MOST_TOOLS = 128
MOST_DESCRIPTION = 4_000
MOST_SCHEMA = 16_000
# What providers of language models take as the name of a tool.
MOST_NAME = 64
SERVER_NAME = re.compile("^[a-z][a-z0-9-]{0,23}$")
# A server's name has no underscore, so that no two servers have a tool with one name.
BETWEEN = "__"
# The header in which a secret is sent, as `Bearer` where it is this one.
BEARER = "authorization"
HEADER = re.compile("^(authorization|api-key|x-[a-z0-9-]{1,40})$")

_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool as its server describes it, word for word."""

    name: str
    description: str
    schema: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """What an approval is bound to: the SHA-256 of all that a model and a person are told."""
        said = json.dumps(
            [self.name, self.description, self.schema], sort_keys=True, separators=(",", ":")
        )
        return hashlib.sha256(said.encode("utf-8", errors="surrogatepass")).hexdigest()

    def named_by(self, server: str) -> str:
        """What the model calls it; it stands for no tool of ours and none of another server."""
        return f"{server}{BETWEEN}{self.name}"

    def problem(self, server: str) -> str:
        """Why nobody can approve of it, "" for no reason."""
        if not _TOOL_NAME.fullmatch(self.name) or len(self.named_by(server)) > MOST_NAME:
            return "Its name is longer than a model may call, or has other characters than A-Z 0-9."
        if len(self.description) > MOST_DESCRIPTION:
            return f"Its description has more than {MOST_DESCRIPTION:,} characters."
        if len(json.dumps(self.schema)) > MOST_SCHEMA:
            return f"Its input schema has more than {MOST_SCHEMA:,} characters."
        return ""


# What an administrator lets a tool do who says nothing of it.
STRICTEST = frozenset({Label.WRITE, Label.EGRESS})


class ToolState(StrEnum):
    """Whether a language model may use a tool."""

    NEW = "new"
    """Nobody has approved of it yet."""
    APPROVED = "approved"
    CHANGED = "changed"
    """It is not any more what was approved: it is off until somebody approves again."""
    GONE = "gone"
    """Its server does not offer it any more."""


@dataclass(frozen=True, slots=True)
class McpTool:
    """A tool as it was last offered; `approved` is the hash of what was approved, if anything."""

    offered: Offered
    labels: frozenset[Label] = STRICTEST
    approved: str | None = None
    approved_at: datetime | None = None
    listed: bool = True

    @property
    def state(self) -> ToolState:
        """Only `APPROVED` ones are ever called."""
        if not self.listed:
            return ToolState.GONE
        if self.approved is None:
            return ToolState.NEW
        return ToolState.APPROVED if self.approved == self.offered.sha256 else ToolState.CHANGED


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is: at a `url`, or behind a `command` that the operator has named.

    The `secret` is sent as the HTTP header `header`, to this server alone.
    """

    name: str
    url: str | None = None
    command: str | None = None
    header: str = BEARER
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class McpServer:
    """A server of one tenant; its secret is never among what is shown of it."""

    id: McpServerId
    name: str
    url: str | None
    command: str | None
    header: str
    has_secret: bool
    created_at: datetime
    inspected_at: datetime | None


@dataclass(frozen=True, slots=True)
class AllowedTool:
    """An approved tool and where it is called."""

    server_id: McpServerId
    place: Place
    offered: Offered
    labels: frozenset[Label]
