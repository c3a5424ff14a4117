"""`citewell`: what an operator types. Commands import what they need when they run."""

import io
import sys
from typing import cast

import typer

from citewell.cli import (
    collections,
    documents,
    indexes,
    jobs,
    operating,
    privacy,
    searching,
    usage,
)
from citewell.cli.accounts import audit, keys, mcp_servers, sessions, tenants, users
from citewell.cli.conversing import asking, conversations, memories, runs
from citewell.cli.installation import database, encryption, prompts, signing
from citewell.cli.options import Json, Output, Server, Target, wants_json
from citewell.cli.output import Exit, exit_for_code, say, say_error
from citewell.cli.tenancy import command as tenancy
from citewell.domain.errors import AppError

# Typer has one public name among its usage errors; the base of it is the base of all.
USAGE_ERROR = cast("type[typer.BadParameter]", typer.BadParameter.__base__)

app = typer.Typer(
    name="citewell",
    help="Ask questions of your own documents; every sentence is footnoted to the exact passage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help needs a third of the time
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(documents.app, name="docs")
app.add_typer(collections.app, name="collections")
app.add_typer(conversations.app, name="conversations")
app.add_typer(runs.app, name="runs")
app.add_typer(memories.app, name="memories")
app.add_typer(jobs.app, name="jobs")
app.add_typer(indexes.app, name="index")
app.add_typer(users.app, name="users")
app.add_typer(keys.app, name="keys")
app.add_typer(sessions.app, name="sessions")
app.add_typer(tenants.app, name="tenants")
app.add_typer(audit.app, name="audit")
app.add_typer(mcp_servers.app, name="mcp")
app.add_typer(privacy.app, name="privacy")
app.add_typer(database.app, name="db")
app.add_typer(usage.app, name="usage")
app.add_typer(tenancy.app, name="tenancy")
app.add_typer(encryption.app, name="encryption")
app.add_typer(signing.app, name="signing-keys")
app.add_typer(prompts.app, name="prompts")
app.command()(operating.serve)
app.command()(operating.worker)
app.command()(searching.search)
app.command()(asking.ask)
app.command()(asking.chat)
app.command()(operating.doctor)
app.command()(operating.version)


@app.callback()
def options(
    context: typer.Context,
    server: Server = None,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Options of every command; they may also stand after it."""
    context.obj = Target().given(server, output, as_json=as_json)


def main() -> None:
    """Entry point: expected failures become one sentence and an exit code, never a traceback."""
    as_json = wants_json(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal or a file name with another encoding must not end a command.
            stream.reconfigure(errors="replace")
    code: int = Exit.FAILURE
    try:
        code = app(standalone_mode=False) or Exit.OK
    except USAGE_ERROR as error:
        code = error.exit_code
        if as_json:
            say_error(error.format_message(), "See --help.", code=Exit.USAGE, as_json=True)
        else:
            error.show()
    except AppError as error:
        code = exit_for_code(error.code)
        say_error(error.message, error.hint, code=Exit(code), as_json=as_json)
    except typer.Abort:
        say("Aborted.")
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    sys.exit(int(code))


if __name__ == "__main__":
    main()
