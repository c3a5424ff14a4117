"""`citewell jobs`."""

from typing import Annotated, Any

import typer

from citewell.cli.client import connect, segment
from citewell.cli.options import with_options
from citewell.cli.output import Form, show, show_one
from citewell.domain.jobs import JobState

app = typer.Typer(help="Background work.", no_args_is_help=True)

COLUMNS = ("id", "kind", "state", "done", "position", "created_at", "reason")

Job = Annotated[str, typer.Argument(help="Id.")]


@app.command("list")
@with_options("server", "output")
def list_(
    context: typer.Context,
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
) -> None:
    """List jobs, newest first."""
    with connect(context.obj) as client:
        rows = list(client.pages("/api/v1/jobs", state=state))
    flat = context.obj.form in {Form.TABLE, Form.CSV}
    show([_row(one) if flat else one for one in rows], COLUMNS, context.obj.form)


@app.command("show")
@with_options("server", "output")
def show_(context: typer.Context, job: Job) -> None:
    """Show one job."""
    with connect(context.obj) as client:
        show_one(client.get(f"/api/v1/jobs/{segment(job)}"), context.obj.form)


@app.command()
@with_options("server", "output")
def retry(context: typer.Context, job: Job) -> None:
    """Put a failed or cancelled job back in the queue."""
    with connect(context.obj) as client:
        show_one(client.post(f"/api/v1/jobs/{segment(job)}/retry"), context.obj.form)


@app.command()
@with_options("server", "output")
def cancel(context: typer.Context, job: Job) -> None:
    """End a job that is not finished."""
    with connect(context.obj) as client:
        show_one(client.post(f"/api/v1/jobs/{segment(job)}/cancel"), context.obj.form)


def _row(job: dict[str, Any]) -> dict[str, Any]:
    return {
        **job,
        "done": f"{job['progress']['done']}/{job['progress']['total']}",
        "position": job["queue_position"],
        "reason": job["error"]["reason"] if job["error"] else "",
    }
