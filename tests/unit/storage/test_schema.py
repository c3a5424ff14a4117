"""The release's revision is known from file names; the migration tool must agree."""

from citewell.storage import migrate, schema
from citewell.storage.database import Database


def test_the_newest_file_is_the_migration_tools_head() -> None:
    assert schema.newest() == migrate.head()


async def test_a_migrated_database_says_which_revision_it_has(database: Database) -> None:
    assert await database.schema_version() == schema.newest()
