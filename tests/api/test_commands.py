"""What an administrator types, against a real server."""

import json
from typing import Any

import httpx
import psycopg
import typer

from citewell.bootstrap import App
from citewell.cli import main
from citewell.domain.ids import DEFAULT_TENANT
from citewell.domain.principal import Role
from tests.api.conftest import Keys
from tests.api.terminal import PASSWORD, Terminal

MAIL = "ada@example.org"


async def test_somebody_comes_works_is_shut_out_and_goes(terminal: Terminal) -> None:
    made = await terminal.json("users", "add", "Ada", "--email", MAIL, "--role", "editor")
    assert (made["name"], made["role"], made["guest"]) == ("Ada", "editor", False)
    assert (await terminal.signs_in(MAIL)).status_code == 401
    await terminal.done("users", "password", MAIL, sent=f"{PASSWORD}\n")
    token = (await terminal.signs_in(MAIL)).json()["access_token"]
    assert await terminal.asks("/api/v1/me", token) == 200

    assert (await terminal.json("users", "change", "Ada", "--role", "admin"))["role"] == "admin"
    assert (await terminal.json("users", "show", MAIL.upper()))["id"] == made["id"]
    suspended = await terminal.json("users", "suspend", made["id"])
    assert suspended["suspended_at"] is not None
    assert await terminal.asks("/api/v1/me", token) == 401
    assert (await terminal.signs_in(MAIL)).status_code == 401
    await terminal.done("users", "resume", "Ada")
    assert await terminal.asks("/api/v1/me", token) == 401, "what was open stays closed"
    assert (await terminal.signs_in(MAIL)).status_code == 200

    assert "Say --yes" in await terminal.refused(2, "users", "remove", "Ada")
    assert (await terminal.signs_in(MAIL)).status_code == 200
    receipt = await terminal.json("users", "remove", "Ada", "--yes")
    assert receipt["user_id"] == made["id"]
    assert (await terminal.signs_in(MAIL)).status_code == 401
    assert "no user 'Eve'" in await terminal.refused(6, "users", "show", "Eve")
    assert (await terminal.json("users", "show"))["role"] == "owner"


async def test_a_password_that_nobody_gives_is_no_empty_one(terminal: Terminal) -> None:
    await terminal.done("users", "add", "Ada", "--email", MAIL)
    assert "password of Ada is needed" in await terminal.refused(2, "users", "password", "Ada")
    weak = await terminal.refused(2, "users", "password", "Ada", sent="short\n")
    assert "It needs 12" in weak


def test_no_command_takes_a_secret_from_its_line() -> None:
    def options(command: Any) -> list[str]:
        below = getattr(command, "commands", {}).values()
        taking = [one for one in command.params if not getattr(one, "is_flag", False)]
        own = [word for one in taking for word in one.opts if word.startswith("-")]
        return own + [word for one in below for word in options(one)]

    every = options(typer.main.get_command(main.app))
    assert "--role" in every
    assert [one for one in every if "password" in one or "secret" in one or "key" in one] == []


async def test_a_key_is_told_once_replaced_with_an_overlap_and_revoked(
    terminal: Terminal,
) -> None:
    search = ("--scope", "search", "--scope", "documents:read")
    secret = await terminal.done("keys", "add", "crawler", *search, "--days", "90")
    old = secret.removesuffix("\n")
    assert old.startswith("cw_")
    assert "\n" not in old, "the secret alone, for a program that takes it"
    assert await terminal.asks("/api/v1/collections", old) == 200
    assert await terminal.asks("/api/v1/users", old) == 403
    (listed,) = [o for o in await terminal.json("keys", "list") if o["name"] == "crawler"]
    assert listed["scopes"] == ["documents:read", "search"]
    assert old not in json.dumps(listed)

    made = await terminal.json("keys", "rotate", "crawler", "--overlap-hours", "1")
    for one in (old, made["key"]):
        assert await terminal.asks("/api/v1/collections", one) == 200
    assert "are named 'crawler'" in await terminal.refused(2, "keys", "revoke", "crawler", "--yes")
    assert "Say --yes" in await terminal.refused(2, "keys", "revoke", listed["id"])
    await terminal.done("keys", "revoke", listed["id"], "--yes")
    assert await terminal.asks("/api/v1/collections", old) == 401
    assert await terminal.asks("/api/v1/collections", made["key"]) == 200
    again = await terminal.json("keys", "rotate", "crawler", "--overlap-hours", "0")
    assert await terminal.asks("/api/v1/collections", made["key"]) == 401
    assert await terminal.asks("/api/v1/collections", again["key"]) == 200


async def test_a_key_of_somebody_else_opens_no_more_than_they_may(terminal: Terminal) -> None:
    await terminal.done("users", "add", "Eve")
    made = await terminal.json("keys", "add", "hers", "--scope", "admin", "--user", "Eve")
    refused = await terminal.type("users", "list", key=made["key"])
    assert refused.exit_code == 4
    shown = await terminal.type("users", "show", "--json", key=made["key"])
    assert json.loads(shown.stdout)["name"] == "Eve"


async def test_a_tenant_gets_an_owner_guests_and_is_shut_and_opened(terminal: Terminal) -> None:
    north = ("tenants", "add", "North", "--owner", MAIL)
    assert "password" in await terminal.refused(2, *north)
    made = await terminal.json(*north, "--owner-name", "Ada", sent=f"{PASSWORD}\n")
    # Somebody who has an account is asked for nothing.
    await terminal.done("tenants", "add", "South", "--owner", MAIL)
    assert (await terminal.signs_in(MAIL, tenant="South")).status_code == 200
    assert (await terminal.json("tenants", "rename", "South", "West"))["name"] == "West"
    assert (await terminal.json("tenants", "suspend", "West"))["suspended_at"]
    assert (await terminal.signs_in(MAIL, tenant="West")).status_code == 401
    await terminal.done("tenants", "resume", "West")
    assert (await terminal.signs_in(MAIL, tenant="West")).status_code == 200
    names = [one["name"] for one in await terminal.json("tenants", "list")]
    assert {"North", "West"} <= set(names)

    await terminal.done("users", "add", "Bo", "--email", "bo@example.org")
    guest = await terminal.json(
        "tenants", "invite", made["id"], "bo@example.org", "--role", "editor"
    )
    assert (guest["role"], guest["guest"]) == ("editor", True)
    assert "no tenant 'East'" in await terminal.refused(6, "tenants", "suspend", "East")


async def test_a_collection_is_restricted_shared_and_opened(
    terminal: Terminal, app: App, keys: Keys
) -> None:
    key = await keys.make(Role.EDITOR)
    editor = str((await app.accounts.authenticate(key)).user_id)
    await terminal.done("users", "add", "Ada")
    await terminal.done("collections", "create", "plans")
    early = await terminal.type("collections", "share", "plans", "--role", "admin")
    assert "Everybody sees plans until" in early.stderr
    shut = await terminal.json("collections", "restrict", "plans")
    assert shut["visibility"] == "restricted"

    async def lists() -> bool:
        seen = await terminal.type("collections", "list", "--json", key=key)
        return "plans" in {one["name"] for one in json.loads(seen.stdout)}

    assert not await lists()
    await terminal.done("collections", "share", "plans", "--user", editor)
    assert await lists()
    refused = await terminal.type("collections", "rm", "plans", "--yes", key=key)
    assert refused.exit_code == 4
    changed = await terminal.json("collections", "share", "plans", "--user", editor, "--write")
    assert changed["access"] == "write"
    await terminal.done("collections", "share", "plans", "--user", "Ada")
    table = await terminal.done("collections", "shares", "plans")
    assert "admin and above" in table
    assert "Ada" in table

    for whom in ((), ("--user", "Ada", "--role", "viewer")):
        assert "one holder" in await terminal.refused(2, "collections", "share", "plans", *whom)
    await terminal.done("collections", "unshare", "plans", "--user", editor)
    assert not await lists()
    gone = await terminal.refused(6, "collections", "unshare", "plans", "--user", editor)
    assert "is not shared with" in gone
    await terminal.done("collections", "open", "plans")
    assert await lists()


async def test_the_record_of_what_was_done_is_read_and_the_broken_row_is_named(
    terminal: Terminal, postgres_url: str
) -> None:
    for name in ("one", "two", "three"):
        await terminal.done("collections", "create", name)
    newest = await terminal.json("audit", "list", "-n", "2")
    assert [one["action"] for one in newest] == ["collection.create"] * 2
    (whole,) = await terminal.json("audit", "verify")
    assert (whole["ok"], whole["broken"]) == (True, None)
    assert (whole["records"], whole["hash"]) == (newest[0]["number"] + 1, newest[0]["hash"])

    with psycopg.connect(postgres_url) as owner:
        changed = newest[1]["number"]
        owner.execute("UPDATE audit_log SET target = 'x' WHERE number = %s", [changed])
    found = await terminal.type("audit", "verify", "--json")
    assert found.exit_code == 9
    assert json.loads(found.stdout)[0]["broken"] == changed
    assert f"record {changed} is missing, was changed or is out of its place" in found.stderr


async def test_what_a_tenant_may_store_and_spend_is_set_and_recounted(
    terminal: Terminal, postgres_url: str
) -> None:
    rows = await terminal.json("usage", "limit", "documents", "1")
    assert rows[0] == {
        "id": "documents", "resource": "documents", "used": 0, "limit": 1, "left": 1,
    }  # fmt: skip
    (told,) = await terminal.json("audit", "list", "-n", "1")
    assert (told["actor"], told["action"]) == (None, "quota.set")
    assert (told["target"], told["details"]) == (str(DEFAULT_TENANT), {"documents": 1})
    assert "whole number" in await terminal.refused(2, "usage", "limit", "documents", "many")
    assert (await terminal.json("usage", "limit", "documents", "none"))[0]["limit"] is None
    with psycopg.connect(postgres_url) as owner:
        owner.execute("UPDATE quotas SET documents = 7")
    assert (await terminal.json("usage", "show"))[0]["used"] == 7
    assert (await terminal.json("usage", "recount"))[0]["counted_before"] == 7
    (told,) = await terminal.json("audit", "list", "-n", "1")
    assert (told["actor"], told["action"]) == (None, "quota.recount")
    assert told["details"]["documents"] == 0
    assert (await terminal.json("usage", "show"))[0]["used"] == 0

    await terminal.done("usage", "budget", "day", "--tokens", "1000", "--money", "2.5")
    await terminal.done("usage", "budget", "month", "--money", "40")
    listed = await terminal.json("usage", "budgets")
    assert [(one["period"], one["tokens"], one["money"]) for one in listed] == [
        ("day", 1000, 2.5), ("month", None, 40.0),
    ]  # fmt: skip
    with psycopg.connect(postgres_url) as owner:
        owner.execute(
            "INSERT INTO usage (id, tenant_id, step, model, tokens_in, tokens_out, milliseconds,"
            " cost) SELECT gen_random_uuid(), id, 'answer', 'openai:m', 70, 7, 9, 0.5 FROM tenants"
        )
    (spent,) = await terminal.json("usage", "models", "--by", "model", "--days", "1")
    assert (spent["of"], spent["calls"], spent["money"]) == ("openai:m", 1, 0.5)
    (spent,) = await terminal.json("usage", "models")
    assert spent["of"] is None
    await terminal.refused(2, "usage", "models", "--by", "weather")


async def test_signing_keys_are_renewed_and_leaked_ones_are_believed_no_longer(
    terminal: Terminal, app: App
) -> None:
    await terminal.done("users", "add", "Ada", "--email", MAIL)
    await terminal.done("users", "password", "Ada", sent=f"{PASSWORD}\n")
    pair = (await terminal.signs_in(MAIL)).json()
    (first,) = await terminal.json("signing-keys", "list")
    old, new = await terminal.json("signing-keys", "rotate")
    assert (old["id"], old["state"], new["state"]) == (first["id"], "retired", "promoted")
    assert await terminal.asks("/api/v1/me", pair["access_token"]) == 200

    await terminal.done("signing-keys", "rotate", "--leaked")
    (left,) = await terminal.json("signing-keys", "list")
    assert (left["state"], left["id"] == new["id"]) == ("promoted", False)
    # As if the five seconds were over for which a server may not have heard of it.
    await app.accounts.ring._load()
    app.accounts.recognition.forget()
    assert await terminal.asks("/api/v1/me", pair["access_token"]) == 401
    refresh = {"refresh_token": pair["refresh_token"]}
    async with httpx.AsyncClient(base_url=terminal.address, trust_env=False) as client:
        renewed = await client.post("/api/v1/auth/refresh", json=refresh)
    assert await terminal.asks("/api/v1/me", renewed.json()["access_token"]) == 200
