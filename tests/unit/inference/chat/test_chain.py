"""Several models answer as one: retries are few, silence and refusals move on, rest is kept."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from decimal import Decimal

import pytest
from langchain_core.messages import HumanMessage

from citewell.domain.errors import UnavailableError, UpstreamError
from citewell.inference.chat.attempts import Link
from citewell.inference.chat.breaker import FAILURES, Breaker
from citewell.inference.chat.chain import ModelChain
from citewell.inference.chat.opening import Terms, open_chain, open_model
from citewell.inference.chat.pacing import Pace
from citewell.inference.chat.speech import Said, Speech, Switched, Used
from citewell.inference.retries import Patience
from tests.contract.chat_server import SILENT, Body, ChatServer, Reply, call, fail, say

ASKED = [HumanMessage("Why?")]
PACE = Pace(first=15.0, between=15.0, whole=60.0)
# For tests of silence; what is meant to answer does so within it once the client is warm.
IMPATIENT = Pace(first=1.0, between=1.0, whole=5.0)
QUICK = Patience(total=6.0, first=0.01, most=0.02)

Chains = Callable[..., AsyncIterator[ModelChain]]


class Clock:
    """Seconds that pass when the test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def chain_of(
    stack: AsyncExitStack,
    clock: Clock,
    *servers: ChatServer,
    patience: Patience = QUICK,
    pace: Pace = PACE,
) -> ModelChain:
    links = [
        Link(
            await open_model(f"openai:m{number}", Terms(server.base_url, pace=pace)),
            Breaker(clock),
        )
        for number, server in enumerate(servers)
    ]
    chain = ModelChain(tuple(links), patience)
    stack.push_async_callback(chain.close)
    return chain


async def everything(chain: ModelChain, asked: str = "Why?") -> list[Speech]:
    async with aclosing(chain.stream([HumanMessage(asked)])) as speech:
        return [piece async for piece in speech]


def text(speech: list[Speech]) -> str:
    return "".join(piece.text for piece in speech if isinstance(piece, Said))


async def test_a_silent_model_is_given_up_and_the_next_one_answers(
    stack: AsyncExitStack, clock: Clock, server: ChatServer, second: ChatServer
) -> None:
    chain = await chain_of(stack, clock, server, second, pace=IMPATIENT)
    server.script.append(SILENT)
    second.script.append(say("Because."))
    began = time.monotonic()
    speech = await everything(chain)
    assert 1.0 <= time.monotonic() - began < IMPATIENT.whole
    switched, *rest = speech
    assert isinstance(switched, Switched)
    assert (switched.model, "said nothing" in switched.why) == ("openai:m0", True)
    assert text(rest) == "Because."
    assert isinstance(rest[-1], Used)
    assert rest[-1].model == "openai:m1"
    assert len(server.requests) == 1, "silence is not asked for twice"
    assert chain.names == ("openai:m0", "openai:m1")


@pytest.mark.parametrize("reply", [fail(401), fail(400), say(""), call("t", "{")])
async def test_what_cannot_be_used_moves_on_at_once(
    stack: AsyncExitStack, clock: Clock, server: ChatServer, second: ChatServer, reply: object
) -> None:
    chain = await chain_of(stack, clock, server, second)
    server.script.append(reply)  # type: ignore[arg-type]  # Parameters are objects.
    second.script.append(say("Because."))
    assert text(await everything(chain)) == "Because."
    assert len(server.requests) == 1


async def test_a_short_trouble_is_waited_out(
    stack: AsyncExitStack, clock: Clock, server: ChatServer, second: ChatServer
) -> None:
    chain = await chain_of(stack, clock, server, second)
    server.script += [fail(503), say("Because.")]
    speech = await everything(chain)
    assert text(speech) == "Because."
    assert not [piece for piece in speech if isinstance(piece, Switched)]
    assert (len(server.requests), len(second.requests)) == (2, 0)


async def test_a_model_is_left_alone_for_as_long_as_it_asks(
    stack: AsyncExitStack, clock: Clock, server: ChatServer, second: ChatServer
) -> None:
    chain = await chain_of(stack, clock, server, second)
    server.script += [fail(429, retry_after="30"), say("Mine.")]
    second.answer = lambda _: say("Because.")
    assert text(await everything(chain)) == "Because."
    clock.now += 29
    assert text(await everything(chain)) == "Because."
    assert len(server.requests) == 1
    clock.now += 2
    assert text(await everything(chain)) == "Mine."


async def test_the_only_model_is_waited_for_as_it_asks(
    stack: AsyncExitStack, server: ChatServer
) -> None:
    only = Link(await open_model("openai:m", Terms(server.base_url, pace=PACE)))
    chain = ModelChain((only,), QUICK)
    stack.push_async_callback(chain.close)
    server.script += [fail(429, retry_after="1"), say("Because.")]
    assert text(await everything(chain)) == "Because."
    assert server.heard[1].at - server.heard[0].at >= 1.0


async def test_nobody_waits_beyond_the_time_for_all_attempts(
    stack: AsyncExitStack, clock: Clock, server: ChatServer
) -> None:
    chain = await chain_of(stack, clock, server, patience=Patience(0.2, 0.01, 0.02))
    server.script += [fail(503, retry_after="1")]
    began = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        await everything(chain)
    assert time.monotonic() - began < 1.0
    assert caught.value.retry_after >= 1.0
    chain = await chain_of(stack, clock, server, patience=Patience(0.2, 0.01, 0.02))
    server.script.append(SILENT)
    with pytest.raises(UnavailableError, match="did not speak in time"):
        await everything(chain)
    assert await asyncio.to_thread(server.wait_for, lambda seen: len(seen.closed) == 1, 2)


async def test_two_minutes_of_refusals_are_hardly_felt_by_the_provider(
    stack: AsyncExitStack, clock: Clock, server: ChatServer
) -> None:
    chain = await chain_of(stack, clock, server)
    server.answer = lambda _: fail(503)
    offered, slowest = 120, 0.0
    for _ in range(offered):
        began = time.monotonic()
        with pytest.raises(UnavailableError):
            await everything(chain)
        slowest = max(slowest, time.monotonic() - began)
        clock.now += 1.0
    assert len(server.requests) <= FAILURES + 2 + 5, "five failures, then trials only"
    assert slowest < 2.0
    server.answer = lambda _: say("Because.")
    clock.now += 120
    assert text(await everything(chain)) == "Because."


async def test_with_one_failure_in_three_repetitions_stay_within_a_tenth(
    stack: AsyncExitStack, clock: Clock, server: ChatServer
) -> None:
    chain = await chain_of(stack, clock, server)
    offered = 150
    asked = iter(range(10**6))
    server.answer = lambda _: fail(503) if next(asked) % 3 == 0 else say("Because.")
    answered = 0
    for _ in range(offered):
        try:
            await everything(chain)
        except UnavailableError:
            continue
        answered += 1
    assert offered < len(server.requests) <= offered * 1.1 + 1
    assert answered >= offered * 0.7


async def test_a_request_that_is_refused_for_itself_does_not_close_the_model_to_others(
    stack: AsyncExitStack, clock: Clock, server: ChatServer
) -> None:
    chain = await chain_of(stack, clock, server)
    server.script += [fail(400, "too long")] * (FAILURES + 3)
    for _ in range(FAILURES + 3):
        with pytest.raises(UpstreamError, match="too long"):
            await everything(chain)
    server.script.append(say("Because."))
    assert text(await everything(chain)) == "Because."


@pytest.mark.parametrize("cancelled", [True, False])
async def test_who_leaves_a_trial_does_not_keep_others_from_trying(
    stack: AsyncExitStack, clock: Clock, server: ChatServer, *, cancelled: bool
) -> None:
    chain = await chain_of(stack, clock, server)
    server.script += [fail(401)] * FAILURES
    for _ in range(FAILURES):
        with pytest.raises(UpstreamError):
            await everything(chain)
    clock.now += 10
    server.script.append(say("So it goes.", stall_after=0 if cancelled else 2))
    if cancelled:
        waiting = asyncio.ensure_future(everything(chain))
        await asyncio.to_thread(server.wait_for, lambda seen: len(seen.requests) > FAILURES, 10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    else:
        async with aclosing(chain.stream(ASKED)) as speech:
            assert await anext(speech) == Said("So ")
    server.script.append(say("Because."))
    assert text(await everything(chain)) == "Because."


async def test_with_all_models_down_each_is_named_with_its_trouble(
    stack: AsyncExitStack, clock: Clock, server: ChatServer, second: ChatServer
) -> None:
    chain = await chain_of(stack, clock, server, second, pace=IMPATIENT)
    server.script.append(fail(401, "no such key"))
    second.script.append(SILENT)
    heard: list[Speech] = []
    with pytest.raises(UnavailableError, match=r"m0 answered 401.*m1 said nothing"):
        heard += await everything(chain)
    assert not heard


async def test_many_callers_return_at_different_moments(
    stack: AsyncExitStack, server: ChatServer
) -> None:
    one = await open_model("openai:m", Terms(server.base_url, at_once=64))
    stack.push_async_callback(one.close)
    met: set[str] = set()
    again: list[float] = []

    def answer(body: Body) -> Reply:
        """Each is refused once, however late it comes."""
        asked = str(body["messages"][-1]["content"])
        if asked not in met:
            met.add(asked)
            return fail(503)
        again.append(time.monotonic())
        return say("Because.")

    server.answer = answer
    links = [Link(one) for _ in range(20)]
    # Each has a budget of its own here: what is looked at is when they come again.
    chains = [ModelChain((link,), Patience(5.0, 1.0, 1.0)) for link in links]
    await asyncio.gather(*(everything(one, f"Why {n}?") for n, one in enumerate(chains)))
    assert len(again) == 20
    widest = max(sum(1 for other in again if moment <= other < moment + 0.05) for moment in again)
    assert widest <= 8, "twenty in one second come apart"


async def test_a_chain_is_opened_from_names(stack: AsyncExitStack, server: ChatServer) -> None:
    terms = Terms(server.base_url, "k1", "k2", PACE, price=(Decimal(1), Decimal(1)))
    chain = await open_chain(["openai:a", f"openai:b@{server.base_url}"], terms)
    stack.push_async_callback(chain.close)
    server.script += [fail(404), say("Because.")]
    speech = await everything(chain)
    assert text(speech) == "Because."
    assert [one.headers["authorization"] for one in server.heard] == ["Bearer k1", "Bearer k2"]
    most = chain.most(ASKED, most_tokens=500)
    assert 500 < most.tokens < 600
    assert most.money == Decimal(most.tokens) / 1_000_000


def test_a_breaker_lets_one_call_try_and_rests_longer_each_time(clock: Clock) -> None:
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        assert breaker.admits()
        breaker.failed()
    rests = []
    for _ in range(6):
        assert not breaker.admits()
        rests.append(breaker.seconds_left)
        clock.now += breaker.seconds_left
        assert breaker.admits()
        assert not breaker.admits(), "one call tries"
        breaker.failed()
    assert rests == [10, 20, 40, 80, 120, 120]
    clock.now += 120
    assert breaker.admits()
    breaker.left()
    assert breaker.admits(), "who left has judged nothing"
    breaker.succeeded()
    assert breaker.admits()
    assert breaker.admits()


async def test_what_a_provider_says_is_for_callers_and_not_for_the_log(
    stack: AsyncExitStack,
    clock: Clock,
    server: ChatServer,
    second: ChatServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chain = await chain_of(stack, clock, server, second)
    server.script.append(fail(400, "cannot read 'canary of the question'"))
    second.script.append(say("Because."))
    switched = (await everything(chain))[0]
    assert isinstance(switched, Switched)
    assert "canary" in switched.why
    logged = capsys.readouterr()
    assert "model.given_up" in logged.out + logged.err
    assert "canary" not in logged.out + logged.err
