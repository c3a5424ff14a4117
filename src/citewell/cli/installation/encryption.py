"""`citewell encryption`: what is sealed, and new keys for it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import typer

from citewell.cli.installation.opened import Opened, in_database
from citewell.cli.options import with_options
from citewell.cli.output import say, show
from citewell.domain.errors import StartError

if TYPE_CHECKING:
    from citewell.documents.sealing.encryption import Encryption

app = typer.Typer(help="Encryption at rest.", no_args_is_help=True)

Lines = list[dict[str, object]]


@app.command()
@with_options("output")
def status(context: typer.Context) -> None:
    """Say how much of every store is sealed with its tenant's active key."""
    lines = _ask(lambda encryption: encryption.status())
    show(lines, ("tenant", "store", "sealed", "total", "complete", "keys"), context.obj.form)


@app.command()
@with_options("output")
def rotate(context: typer.Context) -> None:
    """Give every tenant a new key; a job seals everything with it and retires the old one."""
    lines = _ask(lambda encryption: encryption.rotate())
    show(lines, ("tenant", "started"), context.obj.form)
    if not all(line["started"] for line in lines):
        say("A tenant that is still being sealed keeps its key; see `citewell encryption status`.")


def _ask(question: "Callable[[Encryption], Awaitable[Lines]]") -> Lines:
    from citewell.bootstrap import unlock
    from citewell.config import read_settings
    from citewell.documents.sealing.encryption import Encryption
    from citewell.storage.blobs import BlobStore

    if not read_settings().encryption.enabled:
        raise StartError(
            "Encryption is off.", hint="Set CITEWELL_ENCRYPTION__ENABLED=true, here too."
        )

    async def answer(opened: Opened) -> Lines:
        await unlock(opened.database, opened.settings, opened.home)
        return await question(Encryption(opened.database, BlobStore(opened.home / "blobs")))

    return in_database(answer)
