"""Background tasks have one owner, who knows how each of them ended."""

import asyncio
import gc
import time

import pytest
from structlog.testing import capture_logs

from citewell.domain.errors import UnavailableError
from citewell.telemetry.tasks import Tasks


async def test_a_task_nobody_else_holds_lives_to_its_end() -> None:
    tasks = Tasks()
    opened = asyncio.Event()
    ended: list[str] = []

    async def work() -> None:
        await opened.wait()
        ended.append("yes")

    tasks.start("work", work())
    await asyncio.sleep(0)
    gc.collect()
    opened.set()
    await _empty(tasks)
    assert ended == ["yes"]


async def test_a_failure_is_logged_once_and_stays_in_its_task() -> None:
    failed: list[str] = []
    tasks = Tasks(failed.append)
    with capture_logs() as logs:
        task = tasks.start("work", _fail())
        await asyncio.wait([task])
        await _empty(tasks)
    [line] = [line for line in logs if line["event"] == "task.failed"]
    assert line["task"] == "work"
    assert isinstance(line["exc_info"], ZeroDivisionError)
    assert failed == []


async def test_the_failure_of_an_essential_task_is_reported() -> None:
    failed: list[str] = []
    tasks = Tasks(failed.append)
    tasks.start("listener", _fail(), essential=True)
    tasks.start("visitor", _fail())
    tasks.start("worker", asyncio.sleep(0), essential=True)
    await _empty(tasks)
    assert failed == ["listener"]


async def test_one_task_too_many_is_refused_and_never_begins() -> None:
    tasks = Tasks(most=2)
    begun: list[str] = []

    async def work() -> None:
        begun.append("yes")
        await asyncio.Event().wait()

    tasks.start("one", work())
    tasks.start("two", work())
    with pytest.raises(UnavailableError) as refused:
        tasks.start("three", work())
    await asyncio.sleep(0)
    assert refused.value.retry_after == 1
    assert begun == ["yes", "yes"]
    await tasks.close()
    assert tasks.count() == 0


async def test_closing_cancels_lets_tasks_clean_up_and_reports_nothing() -> None:
    failed: list[str] = []
    tasks = Tasks(failed.append)
    steps: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("cleaned")

    tasks.start("work", work(), essential=True)
    await asyncio.sleep(0)
    with capture_logs() as logs:
        await tasks.close()
    assert steps == ["cleaned"]
    assert failed == []
    assert logs == []


async def test_closing_waits_only_as_long_as_it_may() -> None:
    tasks = Tasks()
    released = asyncio.Event()

    async def stubborn() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    task = tasks.start("stubborn", stubborn())
    await asyncio.sleep(0)
    began = time.monotonic()
    with capture_logs() as logs:
        await tasks.close(seconds=0.05)
    assert time.monotonic() - began < 5
    assert [line["event"] for line in logs] == ["task.stuck"]
    released.set()
    await task


async def test_nothing_starts_after_the_end() -> None:
    tasks = Tasks()
    await tasks.close()
    with pytest.raises(UnavailableError):
        tasks.start("late", _fail())


async def test_a_task_may_close_its_owner() -> None:
    tasks = Tasks()
    other = tasks.start("other", asyncio.Event().wait())
    closing = tasks.start("closing", tasks.close())
    await closing
    assert other.cancelled()


async def _fail() -> None:
    raise ZeroDivisionError


async def _empty(tasks: Tasks) -> None:
    deadline = time.monotonic() + 5
    while tasks.count():
        assert time.monotonic() < deadline
        await asyncio.sleep(0)
