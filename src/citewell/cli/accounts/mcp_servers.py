"""`citewell mcp servers`."""

from typing import Annotated, Any
from uuid import UUID

import typer

from citewell.cli.client import Client, connect, segment
from citewell.cli.options import with_options
from citewell.cli.output import Exit, fail, plain, say, show, show_one
from citewell.cli.prompts import confirm, typed_secret
from citewell.domain.tools.labels import Label

app = typer.Typer(help="Servers of tools (Model Context Protocol).", no_args_is_help=True)
servers = typer.Typer(
    help="Those of your tenant: added, looked at, approved of tool by tool.", no_args_is_help=True
)
app.add_typer(servers, name="servers")

SERVERS = "/api/v1/mcp-servers"
COLUMNS = ("id", "name", "url", "command", "has_secret", "inspected_at")
TOOLS = ("name", "state", "labels", "sha256", "description")

Which = Annotated[str, typer.Argument(metavar="SERVER", help="Name or id.")]
Tool = Annotated[str, typer.Argument(help="The tool, as its server calls it.")]


@servers.command("list")
@with_options("server", "output")
def list_(context: typer.Context) -> None:
    """List servers, by name."""
    with connect(context.obj) as client:
        show(client.get(SERVERS)["items"], COLUMNS, context.obj.form)


@servers.command()
@with_options("server", "output")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Stands before its tools' names: `name__tool`.")],
    url: Annotated[str | None, typer.Argument(help="Address of its HTTP endpoint.")] = None,
    command: Annotated[
        str | None, typer.Option(help="Name of a command that the operator has set up, instead.")
    ] = None,
    authenticated: Annotated[
        bool, typer.Option("--authenticated", help="It wants a token: typed, or read from stdin.")
    ] = False,
    header: Annotated[
        str, typer.Option(help="The header for the token; a bearer token in this one.")
    ] = "authorization",
) -> None:
    """Add a server. It is asked nothing yet: `citewell mcp servers tools` does."""
    body = {"name": name, "url": url, "command": command, "header": header}
    if authenticated:
        body["secret"] = typed_secret(f"Token for {name}", context.obj)
    with connect(context.obj) as client:
        show_one(client.post(SERVERS, body), context.obj.form)


@servers.command()
@with_options("server", "output")
def tools(
    context: typer.Context,
    which: Which,
    known: Annotated[
        bool, typer.Option("--known", help="As they were last seen, without asking the server.")
    ] = False,
) -> None:
    """Ask a server for its tools and show them; what is not as it was approved is off from now."""
    with connect(context.obj) as client:
        found = _find(client, which)
        path = f"{SERVERS}/{found}"
        listed = client.get(path)["tools"] if known else client.post(f"{path}/inspect")["items"]
        show(listed, TOOLS, context.obj.form)


@servers.command()
@with_options("server", "output")
def approve(
    context: typer.Context,
    which: Which,
    tool: Tool,
    label: Annotated[
        list[Label] | None,
        typer.Option(help="What it may do; give it once for each. The strictest when absent."),
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(help="Of what you have read; what was last seen when absent.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Let language models use a tool as it is; shows first what it says of itself."""
    with connect(context.obj) as client:
        path = f"{SERVERS}/{_find(client, which)}"
        found = _tool(client, context, path, tool)
        say(plain(f"{found['name']}: {found['description']}"))
        confirm(f"approve of {tool} of {which}", context.obj, yes=yes)
        body: dict[str, Any] = {"tool": tool, "sha256": sha256 or found["sha256"]}
        if label:
            body["labels"] = sorted(set(label))
        listed = client.send_json("PUT", f"{path}/approvals", body).json()["items"]
        show(listed, TOOLS, context.obj.form)


@servers.command()
@with_options("server")
def withdraw(context: typer.Context, which: Which, tool: Tool) -> None:
    """Take an approval back; nobody's model uses the tool any more."""
    with connect(context.obj) as client:
        client.send("DELETE", f"{SERVERS}/{_find(client, which)}/approvals/{segment(tool)}")
    say(f"{tool} of {which} is off.")


@servers.command()
@with_options("server")
def remove(
    context: typer.Context,
    which: Which,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget a server, with its token and what was approved of it."""
    with connect(context.obj) as client:
        found = _find(client, which)
        confirm(f"remove the server {which}", context.obj, yes=yes)
        client.send("DELETE", f"{SERVERS}/{found}")
    say(f"The server {which} is removed.")


def _find(client: Client, name: str) -> str:
    """The id of the server of this name or id."""
    try:
        return str(UUID(name))
    except ValueError:
        listed = client.get(SERVERS)["items"]
    found = next((str(one["id"]) for one in listed if one["name"] == name), None)
    if found is None:
        fail(
            f"There is no MCP server {name!r}.",
            "`citewell mcp servers list` shows them.",
            code=Exit.NOT_FOUND,
            as_json=client.as_json,
        )
    return found


def _tool(client: Client, context: typer.Context, path: str, name: str) -> dict[str, Any]:
    listed: list[dict[str, Any]] = client.get(path)["tools"]
    found = next((one for one in listed if one["name"] == name), None)
    if found is None:
        fail(
            f"The server was not seen to offer {name!r}.",
            "`citewell mcp servers tools` asks it what it offers.",
            code=Exit.NOT_FOUND,
            as_json=context.obj.as_json,
        )
    return found
