"""`citewell privacy`."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from citewell.cli.client import Client, connect, segment
from citewell.cli.options import with_options
from citewell.cli.output import Exit, fail, say, show, show_one

app = typer.Typer(help="What people may ask about themselves.", no_args_is_help=True)

WAIT_SECONDS = 600.0
LOOK_SECONDS = 0.5

Person = Annotated[str | None, typer.Option("--person", help="Id of a user; you when absent.")]


@app.command()
@with_options("server", "output")
def consents(
    context: typer.Context,
    person: Person = None,
    give: Annotated[str | None, typer.Option(help="Agree to this purpose.")] = None,
    withdraw: Annotated[str | None, typer.Option(help="Withdraw from this purpose.")] = None,
    text: Annotated[str, typer.Option(help="Version of the text that was read.")] = "1",
) -> None:
    """Show what a person agreed to, the newest first; or agree, or withdraw."""
    purpose = give or withdraw
    with connect(context.obj) as client:
        if purpose:
            if person or (give and withdraw):
                hint = "Give --give or --withdraw, without --person."
                fail("One decision, of your own.", hint, code=Exit.USAGE)
            body = {"purpose": purpose, "version": text, "given": give is not None}
            show_one(
                client.send("PUT", "/api/v1/privacy/consents", json=body).json(), context.obj.form
            )
            return
        rows = client.get("/api/v1/privacy/consents", person=person)["items"]
    show(rows, ("purpose", "version", "given", "at"), context.obj.form)


@app.command()
@with_options("server")
def export(
    context: typer.Context,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write the ZIP.")],
    person: Person = None,
) -> None:
    """Write a copy of all that is stored about a person."""
    with connect(context.obj) as client:
        asked = client.post("/api/v1/privacy/exports", {"person": person})
        path = f"/api/v1/privacy/exports/{segment(asked['id'])}"
        _when(client, path, lambda one: one["state"] == "ready")
        content = client.send("GET", f"{path}/content").content
    output.write_bytes(content)
    say(f"Wrote {len(content):,} bytes to {output}.")


@app.command()
@with_options("server", "output")
def erase(
    context: typer.Context,
    person: Annotated[str, typer.Argument(help="Id of a user.")],
    documents: Annotated[
        bool, typer.Option("--documents", help="Also what nobody else has brought.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Have a person forgotten, and wait until their bytes are gone."""
    if not yes:
        typer.confirm(f"Erase {person} for good?", abort=True)
    with connect(context.obj) as client:
        body = {"person": person, "documents": documents}
        asked = client.post("/api/v1/privacy/erasures", body)
        path = f"/api/v1/privacy/erasures/{segment(asked['id'])}"
        show_one(_when(client, path, lambda one: one["scrubbed_at"]), context.obj.form)


@app.command()
@with_options("output")
def replay(
    context: typer.Context,
    ledger: Annotated[
        Path | None, typer.Option(help="Folder of another ledger than the data directory's.")
    ] = None,
) -> None:
    """Erase again whom a backup that was put back has brought back; before the server starts."""
    rows = _replayed(ledger)
    show(rows, ("erasure", "person", "state", "removed", "reason"), context.obj.form)
    if any(row["state"] == "refused" for row in rows):
        raise typer.Exit(int(Exit.PARTLY))


def _replayed(folder: Path | None) -> list[dict[str, Any]]:
    from citewell.accounts.privacy.erasing import Erasing
    from citewell.bootstrap import unlock
    from citewell.cli.installation.opened import Opened, in_database
    from citewell.documents.removal import remove_uploads
    from citewell.storage.blobs import BlobStore
    from citewell.storage.ledger import Ledger

    if folder is not None and not Ledger(folder).exists():
        fail(f"There is no ledger of erasures in {folder}.", "Name the folder that holds it.")

    async def replay_(opened: Opened) -> list[dict[str, Any]]:
        await unlock(opened.database, opened.settings, opened.home)
        blobs, kept = BlobStore(opened.home / "blobs"), Ledger(folder or opened.home / "ledger")
        erasing = Erasing(opened.database, blobs, kept, remove_uploads)
        return [
            {
                "id": str(one.entry.id),
                "erasure": str(one.entry.id),
                "tenant": str(one.entry.tenant_id),
                "person": str(one.entry.user_id),
                "state": one.state.value,
                "removed": dict(one.removed),
                "reason": one.reason,
            }
            for one in await erasing.replay()
        ]

    return in_database(replay_)


def _when(client: Client, path: str, met: Any) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_SECONDS
    while not met(found := client.get(path)):
        if time.monotonic() > deadline:
            fail("It is not done yet; it goes on.", "Look again later.", code=Exit.TIMEOUT)
        time.sleep(LOOK_SECONDS)
    return dict(found)
