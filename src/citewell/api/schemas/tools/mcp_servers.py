"""Servers of tools (Model Context Protocol), as clients name and see them."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from citewell.accounts.administration.mcp_servers import Approval
from citewell.api.schemas.fields import Body, ShortText, Shown, Url
from citewell.domain.tools.labels import Label
from citewell.domain.tools.servers import (
    BEARER,
    HEADER,
    SERVER_NAME,
    STRICTEST,
    McpServer,
    McpTool,
    Place,
)


class NewMcpServer(Body):
    """A server at an address, or behind a command that the operator has named."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "oneOf": [
                {"required": [name], "properties": {name: {"type": "string"}}}
                for name in ("url", "command")
            ]
        },
    )

    name: ShortText = Field(
        json_schema_extra={"pattern": SERVER_NAME.pattern},
        description="Stands before the names of its tools, as in `name__tool`.",
    )
    url: Url | None = Field(default=None, description="Of its streamable HTTP endpoint.")
    command: ShortText | None = Field(
        default=None, description="The name of a command that the operator has set up."
    )
    header: ShortText = Field(
        default=BEARER,
        json_schema_extra={"pattern": HEADER.pattern},
        description="In which the secret is sent; as a bearer token in `authorization`.",
    )
    secret: ShortText = Field(
        default="",
        json_schema_extra={"pattern": "^[ -~]*$"},
        description="Sent to this server alone; shown to nobody.",
    )

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.url is None) == (self.command is None):
            raise ValueError("Give a `url` or a `command`, not both.")
        return self

    def place(self) -> Place:
        """Where it is."""
        return Place(self.name, self.url, self.command, self.header, self.secret)


class McpServerShown(Shown):
    """A server; nobody is shown its secret."""

    id: UUID
    name: str
    url: str | None
    command: str | None
    header: str
    has_secret: bool
    created_at: datetime
    inspected_at: datetime | None = Field(description="When its tools were last asked for.")


class McpServerList(Shown):
    """All of the tenant's, by name."""

    items: list[McpServerShown]


class McpToolShown(Shown):
    """A tool, word for word as its server describes it."""

    name: str
    description: str
    input_schema: dict[str, Any]
    sha256: str = Field(description="Of name, description and input schema; approve of this.")
    state: Literal["new", "approved", "changed", "gone"] = Field(
        description="Only approved ones are offered to a model; one that has changed is off."
    )
    labels: list[Label] = Field(description="What it may do, as whoever approved of it declared.")
    approved_at: datetime | None

    @classmethod
    def of(cls, tool: McpTool) -> "McpToolShown":
        """As clients see it."""
        return cls.model_validate(
            {
                "name": tool.offered.name,
                "description": tool.offered.description,
                "input_schema": dict(tool.offered.schema),
                "sha256": tool.offered.sha256,
                "state": tool.state.value,
                "labels": sorted(tool.labels),
                "approved_at": tool.approved_at,
            }
        )


class McpToolList(Shown):
    """Every tool of a server that a model could call, by name."""

    items: list[McpToolShown]


class McpServerDetail(McpServerShown):
    """A server with its tools as they were last seen."""

    tools: list[McpToolShown]

    @classmethod
    def of(cls, server: McpServer, tools: McpToolList) -> "McpServerDetail":
        """As clients see it."""
        shown = McpServerShown.model_validate(server)
        return cls.model_validate({**shown.model_dump(), "tools": tools.model_dump()["items"]})


class NewApproval(Body):
    """A tool that models may use from now on, exactly as it was read."""

    tool: ShortText = Field(min_length=1)
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    labels: list[Label] = Field(
        default=sorted(STRICTEST),
        max_length=4,
        description="What it may do. `write` and `cross-scope` need a person's approval at every"
        " call, `egress` after the run has read texts of others.",
    )

    def approval(self) -> Approval:
        """What was approved of."""
        return Approval(self.tool, self.sha256, frozenset(self.labels))
