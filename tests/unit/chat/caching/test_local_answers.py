"""Answers in memory go when their time is over or their room is needed, the least used first."""

from dataclasses import dataclass

from citewell.chat.caching.keys import Key
from citewell.chat.caching.local_answers import Kept, LocalAnswers
from tests.unit.chat.scripted import answer, passage

LARGE = 1 << 20


@dataclass(slots=True)
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def kept(text: str = "Seven doors.", at: float = 100.0) -> Kept:
    source = passage()
    return Kept(answer(text, source), (source,), at)


def key(text: str, scope: str = "scope") -> Key:
    return Key(scope, text)


async def test_an_answer_is_kept_for_its_time_and_not_a_moment_longer() -> None:
    clock = Clock()
    answers = LocalAnswers(LARGE, 60.0, clock)
    await answers.put(key("a"), kept())
    clock.now += 59
    assert await answers.get(key("a")) is not None
    clock.now += 1
    assert await answers.get(key("a")) is None
    assert await answers.beside("scope") == []
    # Use does not lengthen it, and its room is free again.
    assert answers._size == 0


async def test_the_least_used_go_first_when_the_room_is_full() -> None:
    size = kept().size
    answers = LocalAnswers(3 * size, 60.0, Clock())
    for name in "abc":
        await answers.put(key(name), kept())
    assert await answers.get(key("a"))
    await answers.put(key("d"), kept())
    there = [name for name in "abcd" if await answers.get(key(name))]
    assert there == ["a", "c", "d"]


async def test_an_answer_that_is_larger_than_the_room_is_not_kept_and_takes_nothing_away() -> None:
    small = kept()
    answers = LocalAnswers(2 * small.size, 60.0, Clock())
    await answers.put(key("a"), small)
    await answers.put(key("b"), kept("word " * 10_000))
    assert await answers.get(key("a")) is small
    assert await answers.get(key("b")) is None


async def test_a_thousand_answers_stay_within_the_room() -> None:
    room = 20 * kept().size
    answers = LocalAnswers(room, 60.0, Clock())
    for number in range(1000):
        await answers.put(key(str(number % 300)), kept("word " * (number % 50)))
    held = await answers.beside("scope")
    assert 0 < sum(one.size for _, one in held) <= room
    assert answers._size == sum(one.size for _, one in held)


async def test_what_is_put_again_replaces_and_nothing_forgets() -> None:
    answers = LocalAnswers(LARGE, 60.0, Clock())
    first, second = kept("One."), kept("Two.")
    await answers.put(key("a"), first)
    await answers.put(key("a"), second)
    assert await answers.get(key("a")) is second
    assert answers._size == second.size
    await answers.put(key("a"), None)
    assert await answers.get(key("a")) is None
    assert answers._size == 0


async def test_a_scope_sees_its_own_answers_alone() -> None:
    answers = LocalAnswers(LARGE, 60.0, Clock())
    await answers.put(key("a", "ours"), kept())
    await answers.put(key("a", "theirs"), kept())
    assert [one for one, _ in await answers.beside("ours")] == [key("a", "ours")]
