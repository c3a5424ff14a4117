"""`citewell jobs`."""

from typing import Annotated, Any

import typer

from citewell.cli.client import connect
from citewell.cli.output import Form, show, show_one

app = typer.Typer(help="Background work.", no_args_is_help=True)

COLUMNS = ("id", "kind", "state", "done", "position", "reason", "created_at")


@app.command("list")
def list_(
    context: typer.Context,
    state: Annotated[str | None, typer.Option(help="Only jobs in this state.")] = None,
    form: Annotated[Form, typer.Option("-o", "--output")] = Form.TABLE,
) -> None:
    """List jobs, newest first."""
    with connect(context.obj) as client:
        rows = list(client.pages("/api/v1/jobs", state=state))
    chosen = Form.JSON if context.obj.as_json else form
    show([_row(one) if chosen is Form.TABLE else one for one in rows], COLUMNS, chosen)


@app.command("show")
def show_(context: typer.Context, job: str) -> None:
    """Show one job."""
    with connect(context.obj) as client:
        show_one(client.get(f"/api/v1/jobs/{job}"), as_json=context.obj.as_json)


@app.command()
def retry(context: typer.Context, job: str) -> None:
    """Put a failed or cancelled job back in the queue."""
    with connect(context.obj) as client:
        show_one(client.post(f"/api/v1/jobs/{job}/retry"), as_json=context.obj.as_json)


@app.command()
def cancel(context: typer.Context, job: str) -> None:
    """End a job that is not finished."""
    with connect(context.obj) as client:
        show_one(client.post(f"/api/v1/jobs/{job}/cancel"), as_json=context.obj.as_json)


def _row(job: dict[str, Any]) -> dict[str, Any]:
    return {
        **job,
        "done": f"{job['progress']['done']}/{job['progress']['total']}",
        "position": job["queue_position"],
        "reason": job["error"]["reason"] if job["error"] else "",
    }
