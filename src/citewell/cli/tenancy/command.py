"""`citewell tenancy`: whether tenants are kept apart, tried on this very installation's code."""

import signal
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from citewell.cli.options import with_options
from citewell.cli.output import Exit, Form, fail, say, show, show_one
from citewell.domain.errors import AppError

if TYPE_CHECKING:
    from citewell.cli.tenancy.scratch import Running
    from citewell.cli.tenancy.selftest import Verdict

app = typer.Typer(help="Whether tenants are kept apart.", no_args_is_help=True)

SELF_TEST_SECONDS = 600.0
MOST_TOLD = 20
COLUMNS = ("route", "cells", "leaks", "not_walked")


@app.callback()
def group() -> None:
    """Whether tenants are kept apart."""


@app.command()
@with_options("output")
def selftest(
    context: typer.Context,
    database_url: Annotated[
        str | None,
        typer.Option(
            envvar="DATABASE_URL",
            help="Server to make the scratch database on; absent: a private one.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Seed two tenants in a scratch database and walk every route and message for leaks.

    Your own data is not touched: the server that is tried has a data directory and a database of
    its own, which are removed at the end.
    """
    import asyncio

    from citewell.cli.tenancy.scratch import scratch_server

    signal.signal(signal.SIGTERM, _interrupt)
    where = "on the server of the database URL" if database_url else "in a folder of its own"
    say(f"Starting a scratch server, with a scratch database {where}; your data is not touched.")
    try:
        with scratch_server(database_url) as running:
            verdict = asyncio.run(_examine(running))
    except TimeoutError:
        as_json = context.obj.as_json
        fail("The walk did not end in time.", code=Exit.TIMEOUT, as_json=as_json)
    except ExceptionGroup as failed:
        expected, others = failed.split(AppError)
        if others or expected is None:
            raise
        raise _first(expected) from failed
    tell(verdict, context.obj.form)
    raise typer.Exit(int(exit_of(verdict)))


def _first(failed: ExceptionGroup[AppError]) -> AppError:
    first = failed.exceptions[0]
    return first if isinstance(first, AppError) else _first(first)


def exit_of(verdict: "Verdict") -> Exit:
    """A leak is a check that failed; a route that nobody knows how to walk is not a success."""
    if verdict.leaks:
        return Exit.CHECK_FAILED
    return Exit.PARTLY if verdict.not_walked else Exit.OK


async def _examine(running: "Running") -> "Verdict":
    import asyncio

    from citewell.cli.tenancy.calling import line_to
    from citewell.cli.tenancy.seeding import seed
    from citewell.cli.tenancy.selftest import examine

    async with asyncio.timeout(SELF_TEST_SECONDS), line_to(running.address) as line:
        document = (await line.send("GET", "/openapi.json")).json()
        say("Seeding two tenants…")
        cast, make = await seed(line, running, document["paths"])
        return await examine(line, document, cast, make, say)


def tell(verdict: "Verdict", form: Form) -> None:
    """The routes on stdout, then the leaks and the sum on stderr; JSON holds all of it."""
    rows = [
        {
            "id": one.title,
            "route": one.title,
            "cells": one.cells,
            "leaks": len(one.leaks),
            "not_walked": one.obstacle,
        }
        for one in verdict.routes
    ]
    found = [
        {"route": leak.cell.operation.title, "cell": leak.cell.title, "what": leak.what}
        for leak in verdict.leaks
    ]
    if form is Form.JSON:
        whole = {"cells": verdict.cells, "seconds": round(verdict.seconds, 1), "leaks": found}
        show_one({**whole, "routes": rows}, form)
    else:
        show(rows, COLUMNS, form)
    for leak in found[:MOST_TOLD]:
        say(f"LEAK {leak['route']}: {leak['cell']}: {leak['what']}")
    for one in verdict.not_walked:
        say(f"NOT WALKED {one.title}: {one.obstacle}.")
    say(
        f"{verdict.cells:,} cells in {verdict.seconds:.1f} s: {len(found)} leaks,"
        f" {len(verdict.not_walked)} routes not walked."
    )


def _interrupt(_: int, __: FrameType | None) -> None:
    """Whoever ends the command gets the same tidy end as with Ctrl-C."""
    signal.raise_signal(signal.SIGINT)
