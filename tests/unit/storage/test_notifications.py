"""Notifications: what is committed is heard, and listening outlives its connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from citewell.domain.ids import TenantId, new_id
from citewell.domain.jobs import JobKind
from citewell.storage.database import Database
from citewell.storage.notifications import QUEUE_LENGTH, Notifications, Subscription
from citewell.storage.repositories.jobs import JOBS_TOPIC
from tests.unit.storage.rows import execute

SECONDS = 20.0
TOPIC = "test_topic"


@asynccontextmanager
async def listening(database: Database, topic: str = TOPIC) -> AsyncIterator[Subscription]:
    """Subscribed, connected, and rid of the first word, which says: look at everything."""
    notifications = Notifications(database.url)
    async with notifications.subscribe(topic) as subscription, asyncio.TaskGroup() as group:
        task = group.create_task(notifications.run((topic,)))
        assert await subscription.next(seconds=SECONDS) == ""
        try:
            yield subscription
        finally:
            task.cancel()


async def say(database: Database, payload: str) -> None:
    await execute(database, "SELECT pg_notify(:topic, :payload)", topic=TOPIC, payload=payload)


async def test_what_is_said_is_heard_in_order(database: Database) -> None:
    async with listening(database) as subscription:
        for payload in ("one", "two"):
            await say(database, payload)
        assert [await subscription.next(seconds=SECONDS) for _ in range(2)] == ["one", "two"]


async def test_silence_ends_in_time(database: Database) -> None:
    async with listening(database) as subscription:
        assert await subscription.next(seconds=0.01) is None
        await subscription.hear("anything", seconds=0.01)


async def test_a_wait_for_one_thing_passes_over_the_others(database: Database) -> None:
    async with listening(database) as subscription:
        for payload in ("a:1", "b:1", "a:2"):
            await say(database, payload)
        await subscription.hear("b:", seconds=SECONDS)
        assert await subscription.next(seconds=SECONDS) == "a:2"


async def test_a_job_is_heard_of_when_it_commits_and_not_before(
    database: Database, tenant: TenantId
) -> None:
    async with listening(database, JOBS_TOPIC) as subscription:
        async with database.transaction(tenant) as tx:
            job = await tx.jobs.enqueue(JobKind.INGEST, new_id())
            assert await subscription.next(seconds=0.05) is None
        assert await subscription.next(seconds=SECONDS) == str(job)


async def test_listening_outlives_its_connection_and_then_looks_at_everything(
    database: Database,
) -> None:
    async with listening(database) as subscription:
        for payload in ("first", "second"):
            await execute(
                database,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE 'LISTEN%'",
            )
            assert await subscription.next(seconds=SECONDS) == ""
            await say(database, payload)
            assert await subscription.next(seconds=SECONDS) == payload


async def test_a_listener_that_does_not_look_holds_up_nobody(database: Database) -> None:
    async with listening(database) as subscription:
        await execute(
            database,
            "SELECT pg_notify(:topic, i::text) FROM generate_series(1, :n) i",
            topic=TOPIC,
            n=QUEUE_LENGTH * 3,
        )
        heard = [await subscription.next(seconds=SECONDS) for _ in range(QUEUE_LENGTH)]
        assert heard[0] == "1"
        await execute(database, "SELECT 1")
        await say(database, "later")
        while (said := await subscription.next(seconds=SECONDS)) != "later":
            assert said is not None


async def test_nobody_hears_what_is_said_after_leaving(database: Database) -> None:
    notifications = Notifications(database.url)
    async with notifications.subscribe(TOPIC) as first, notifications.subscribe(TOPIC) as second:
        assert first is not second
    async with notifications.subscribe(TOPIC) as third:
        assert await third.next(seconds=0.01) is None
