"""`citewell runs`."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from citewell.cli.client import Client, connect, segment
from citewell.cli.options import with_options
from citewell.cli.output import Exit, Form, cell, fail, plain, show, show_one

app = typer.Typer(help="Answers in the making, and how they were made.", no_args_is_help=True)

PATH = "/api/v1/runs"
COLUMNS = ("id", "state", "question", "conversation_id", "created_at", "finished_at")
EVENTS = ("seq", "type", "what")
PROMPTS = ("step", "model", "messages", "tools")
# What people want to see of an event that has many fields.
_TOLD = ("stepName", "delta", "activityType", "toolCallName", "name", "message", "outcome")

Run = Annotated[str, typer.Argument(help="Id.")]


@app.command("list")
@with_options("server", "output")
def list_(
    context: typer.Context,
    conversation: Annotated[
        str | None, typer.Option("--conversation", help="Only those of this conversation.")
    ] = None,
    state: Annotated[
        str | None, typer.Option(help="Only running, finished, cancelled or failed ones.")
    ] = None,
) -> None:
    """List your runs, newest first."""
    with connect(context.obj) as client:
        rows = list(client.pages(PATH, conversation=conversation, state=state))
    flat = context.obj.form in {Form.TABLE, Form.CSV}
    show([_row(one) if flat else one for one in rows], COLUMNS, context.obj.form)


@app.command("show")
@with_options("server", "output")
def show_(context: typer.Context, run: Run) -> None:
    """Show one run."""
    with connect(context.obj) as client:
        show_one(client.get(f"{PATH}/{segment(run)}"), context.obj.form)


@app.command()
@with_options("server", "output")
def events(
    context: typer.Context,
    run: Run,
    after: Annotated[int, typer.Option(min=-1, help="Only those behind this number.")] = -1,
) -> None:
    """Show what happened in a run; follows one that goes on to its end."""
    form = context.obj.form
    with connect(context.obj) as client:
        told = _events(client, f"{PATH}/{segment(run)}/events", after)
        if form is Form.JSONL:
            for seq, event in told:
                show([{"seq": seq, "event": event}], EVENTS, form)
            return
        rows = [{"seq": seq, "event": event} for seq, event in told]
    flat = form in {Form.TABLE, Form.CSV}
    show([_event(one) if flat else one for one in rows], EVENTS, form)


@app.command()
@with_options("server", "output")
def prompt(
    context: typer.Context,
    run: Run,
    step: Annotated[str, typer.Argument(help="Only of this step, such as answer.")] = "",
) -> None:
    """Show what the language model was sent, where CITEWELL_LLM__SHOW_PROMPTS was on."""
    with connect(context.obj) as client:
        told = _events(client, f"{PATH}/{segment(run)}/events", -1)
        sent = [one["value"] for _, one in told if one.get("name") == "rag.prompt"]
    rows = [one for one in sent if step in {"", one["step"]}]
    if not rows:
        why = f"Nothing was kept of what a model was sent in this run{step and f' at {step!r}'}."
        hint = "Set CITEWELL_LLM__SHOW_PROMPTS=true for the server, and ask again."
        fail(why, hint, code=Exit.NOT_FOUND, as_json=context.obj.as_json)
    if context.obj.form is not Form.TABLE:
        show(rows, PROMPTS, context.obj.form)
        return
    for row in rows:
        typer.echo(plain(_written(row)))


@app.command()
@with_options("server", "output")
def cancel(context: typer.Context, run: Run) -> None:
    """Stop a run; what was said so far is kept."""
    with connect(context.obj) as client:
        show_one(client.post(f"{PATH}/{segment(run)}/cancel"), context.obj.form)


def _events(client: Client, path: str, after: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and event, as they come."""
    with client.stream(path, after=after) as lines:
        seq = after
        for line in lines:
            name, _, value = line.partition(": ")
            if name == "id":
                seq = int(value)
            elif name == "data":
                yield seq, json.loads(value)


def _event(row: dict[str, Any]) -> dict[str, Any]:
    event = row["event"]
    what = next((event[name] for name in _TOLD if name in event), "")
    return {"seq": row["seq"], "type": event["type"], "what": cell(what)}


def _row(run: dict[str, Any]) -> dict[str, Any]:
    return {**run, "question": run["request"].get("text", "")}


def _written(prompt: dict[str, Any]) -> str:
    """A prompt for people: message by message, then the tools that were offered."""
    parts = [f"# {prompt['step']} ({prompt['model']})"]
    for one in prompt["messages"]:
        calls = [json.dumps(call["function"]) for call in one.get("tool_calls") or ()]
        parts.append("\n".join([f"## {one['role']}", one.get("content") or "", *calls]))
    parts += [f"## tool on offer\n{json.dumps(one)}" for one in prompt["tools"]]
    return "\n\n".join(parts) + "\n"
