"""`citewell signing-keys`: what signs access tokens, renewed while every server runs."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from citewell.cli.installation.opened import Opened, in_database
from citewell.cli.options import with_options
from citewell.cli.output import say, show

app = typer.Typer(help="The keys that sign access tokens.", no_args_is_help=True)


@app.command("list")
@with_options("output")
def list_(context: typer.Context) -> None:
    """List the keys whose signatures are believed, in the installation's database."""
    _show(context, in_database(_living))


@app.command()
@with_options("output")
def rotate(
    context: typer.Context,
    leaked: Annotated[
        bool, typer.Option("--leaked", help="Do not believe the old keys any longer.")
    ] = False,
) -> None:
    """Sign with a new key; tokens of the old ones count until they expire.

    Nobody is signed out, also with --leaked: clients get new tokens with their refresh token.
    """

    async def renew(opened: Opened) -> list[dict[str, Any]]:
        from citewell.accounts.ring import STALE_SECONDS
        from citewell.accounts.secrets import SECRET_KEY, kept
        from citewell.accounts.service import Accounts
        from citewell.accounts.tokens import LIFETIME

        given = opened.settings.secret_key
        secret = kept(
            opened.home / "secrets",
            SECRET_KEY,
            given.get_secret_value() if given else None,
            may_make=False,
        )
        # A server may sign with the old key for as long as it has not looked again.
        grace = timedelta() if leaked else LIFETIME + timedelta(seconds=STALE_SECONDS)
        await Accounts.of(opened.database, secret).ring.rotate(grace)
        return await _living(opened)

    rows = in_database(renew)
    _show(context, rows)
    say("Running servers sign with the new key within five seconds.")


async def _living(opened: Opened) -> list[dict[str, Any]]:
    async with opened.database.installation() as whole:
        keys = await whole.signing_keys.living()
    return [
        {
            "id": key.kid,
            "state": key.state.value,
            "added_at": key.added_at.isoformat(),
            "believed_until": key.retired_at.isoformat() if key.retired_at else None,
        }
        for key in keys
    ]


def _show(context: typer.Context, rows: list[dict[str, Any]]) -> None:
    show(rows, ("id", "state", "added_at", "believed_until"), context.obj.form)
