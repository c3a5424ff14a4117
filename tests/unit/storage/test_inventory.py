"""The inventory of what is stored about people knows every table of the live schema."""

import re

from sqlalchemy import Connection, Table, inspect

from citewell.storage.database import Database
from citewell.storage.inventory import HOLDINGS, IMPERSONAL

# How a column is named that says who.
WHO = re.compile(r"user|person|actor|owner|author|e?mail|_by$|grantee|subject_id")
NOBODY = {("api_keys", "replaced_by")}
PEOPLE = {"users", "memberships", "conversations", "runs", "messages"}

Schema = dict[str, tuple[set[str], set[str]]]


def read_schema(connection: Connection) -> Schema:
    """Of every table, its columns and the tables that it refers to."""
    live = inspect(connection)
    return {
        name: (
            {column["name"] for column in live.get_columns(name)},
            {key["referred_table"] for key in live.get_foreign_keys(name)},
        )
        for name in live.get_table_names()
        if name != "alembic_version"
    }


def unlisted(schema: Schema) -> set[str]:
    """Tables that are not in the inventory, or in it as nobody's although they say who."""
    held = {one.table.name for one in HOLDINGS}
    personal = {
        name
        for name, (columns, parents) in schema.items()
        if parents & PEOPLE or any(WHO.search(c) for c in columns if (name, c) not in NOBODY)
    }
    return (personal - held) | (set(schema) - held - set(IMPERSONAL))


async def test_every_table_with_a_persons_data_is_in_the_inventory(database: Database) -> None:
    async with database.engine.connect() as connection:
        schema = await connection.run_sync(read_schema)
    assert unlisted(schema) == set()
    assert {one.table.name for one in HOLDINGS} | set(IMPERSONAL) == set(schema)


async def test_a_table_that_nobody_thought_about_is_noticed(database: Database) -> None:
    async with database.engine.connect() as connection:
        schema = await connection.run_sync(read_schema)
    assert unlisted(schema | {"notes": ({"id", "tenant_id", "user_id"}, {"tenants"})}) == {"notes"}
    assert unlisted(schema | {"notes": ({"id"}, {"conversations"})}) == {"notes"}
    assert unlisted(schema | {"notes": ({"id"}, set())}) == {"notes"}


def test_no_export_shows_a_digest_or_a_hash_of_a_secret() -> None:
    def secrets(table: Table, shown: set[str]) -> set[str]:
        return {c.name for c in table.columns if re.search("digest|hash|secret", c.name)} & shown

    assert [
        found for one in HOLDINGS if (found := secrets(one.table, {c.name for c in one.shown()}))
    ] == []
