"""A call of a tool: its failures are texts for the model, its results are bounded and tagged."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from langchain_core.messages import ToolCall
from langchain_core.tools import StructuredTool, ToolException

from citewell.agent.tools.calling import MOST_ARGUMENTS, MOST_CHARACTERS, Toolbox
from citewell.agent.tools.contract import Arguments, Found, Label, Setting, Tool
from citewell.agent.tools.permission import Verdict, digest
from citewell.agent.tools.registry import made
from citewell.domain.errors import InvalidError, NotFoundError
from citewell.domain.principal import Principal, Scope
from tests.unit.agent.passages import passage


class Said(Arguments):
    """One word."""

    word: str = ""


Body = Callable[[str], Awaitable[Any]]


def tool(body: Body, *labels: Label, name: str = "echo", **more: Any) -> Tool:
    artifact = more.pop("artifact", False)
    runs = StructuredTool.from_function(
        coroutine=body,
        name=name,
        description="Says it.",
        args_schema=Said,
        response_format="content_and_artifact" if artifact else "content",
    )
    return Tool(runs, frozenset(labels), **more)


async def echo(word: str) -> str:
    return f"you said {word}"


def box(caller: Principal, *tools: Tool, untrusted: bool = False) -> Toolbox:
    return Toolbox.of(caller, "run-1", tools, untrusted=untrusted)


def call(name: str = "echo", **arguments: Any) -> ToolCall:
    return ToolCall(name=name, args=arguments, id="call-1")


async def test_a_call_gives_what_the_tool_says(caller: Principal) -> None:
    result = await box(caller, tool(echo)).call(call(word="hello"))
    assert (result.text, result.failed, result.verdict) == ("you said hello", False, Verdict.RUN)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"word": "a", "principal": "owner"}, "principal: Extra inputs"),
        ({"word": 7}, "word: Input should be a valid string"),
        ({"word": {"$ne": ""}}, "word: Input should be a valid string"),
        ({"word": "a" * MOST_ARGUMENTS}, "longer than"),
    ],
)
async def test_arguments_that_do_not_fit_are_explained_and_nothing_runs(
    caller: Principal, arguments: dict[str, Any], said: str
) -> None:
    ran: list[str] = []

    async def record(word: str) -> str:
        ran.append(word)
        return ""

    result = await box(caller, tool(record)).call(call(**arguments))
    assert result.failed
    assert said in result.text
    assert ran == []


async def test_a_tool_that_nobody_has_is_named_with_those_that_there_are(caller: Principal) -> None:
    result = await box(caller, tool(echo)).call(call("shell", word="ls"))
    assert result.failed
    assert "'shell'" in result.text
    assert "echo" in result.text


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InvalidError("It is wrong.", hint="Write it right."), "It is wrong. Write it right."),
        (NotFoundError("No document 7."), "No document 7."),
        (ToolException("a secret of the tool"), "because of an error in it"),
        (RuntimeError("a secret of the tool"), "because of an error in it"),
    ],
)
async def test_a_tool_that_fails_ends_its_call_and_not_the_run(
    caller: Principal, error: Exception, said: str
) -> None:
    async def fail(word: str) -> str:
        raise error

    result = await box(caller, tool(fail)).call(call(word="x"))
    assert result.failed
    assert said in result.text
    assert "secret" not in result.text


async def test_a_tool_that_does_not_come_back_is_stopped(caller: Principal) -> None:
    stopped = asyncio.Event()

    async def wait(word: str) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return ""

    result = await box(caller, tool(wait, seconds=0.05)).call(call(word="x"))
    assert result.failed
    assert "longer than 0.05 seconds" in result.text
    assert stopped.is_set()


async def test_a_cancelled_run_is_not_a_failure_of_the_tool(caller: Principal) -> None:
    async def wait(word: str) -> str:
        await asyncio.Event().wait()
        return ""

    task = asyncio.ensure_future(box(caller, tool(wait)).call(call(word="x")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_result_is_cut_where_it_is_too_long(caller: Principal) -> None:
    async def long(word: str) -> str:
        return "x" * (MOST_CHARACTERS + 5)

    result = await box(caller, tool(long)).call(call(word="x"))
    assert result.text.endswith("x… (5 characters left out)")
    assert len(result.text) < MOST_CHARACTERS + 50


async def test_passages_come_with_the_result(caller: Principal) -> None:
    found = Found((passage("Lamps burn oil."),))

    async def search(word: str) -> tuple[str, Found]:
        return "1 passage", found

    result = await box(caller, tool(search, artifact=True)).call(call(word="lamp"))
    assert (result.text, result.found) == ("1 passage", found)


async def test_others_words_shut_the_way_out_for_the_rest_of_the_run(caller: Principal) -> None:
    tools = tool(echo, Label.READ), tool(echo, Label.EGRESS, name="send")
    used = box(caller, *tools)
    assert (await used.call(call("send", word="a"))).verdict is Verdict.RUN
    # What came back over the network is a text of others too.
    assert used.untrusted
    refused = await used.call(call("send", word="a"))
    assert (refused.verdict, refused.failed) == (Verdict.OFF, True)
    assert "without a person's approval" in refused.text


async def test_what_a_tool_computes_by_itself_is_nobodys_words(caller: Principal) -> None:
    used = box(caller, tool(echo, own_words=True))
    await used.call(call(word="a"))
    assert not used.untrusted


async def test_an_approval_opens_the_way_for_these_arguments_alone(caller: Principal) -> None:
    used = box(caller, tool(echo, Label.WRITE), untrusted=True)
    used.can_ask = True
    used.approved = frozenset({digest("echo", {"word": "a"}, "run-1")})
    assert (await used.call(call(word="a"))).text == "you said a"
    assert (await used.call(call(word="b"))).verdict is Verdict.ASK
    used.run = "run-2"
    assert (await used.call(call(word="a"))).verdict is Verdict.ASK


class Free(Arguments):
    """Anything."""

    data: dict[str, Any]


async def take(data: dict[str, Any]) -> str:
    return f"took {len(data)}"


def deep(levels: int) -> dict[str, Any]:
    held: dict[str, Any] = {}
    for _ in range(levels):
        held = {"in": held}
    return held


@pytest.mark.parametrize("data", [
    {"n": 2**53 + 1}, {"n": -(10**300)}, {"n": float("nan")}, {"n": float("inf")},
    {"a": ["b", {"c": "\x00"}]}, {"\ud800": 1}, deep(40), deep(700),
], ids=["large", "small", "nan", "infinite", "zero", "surrogate", "deep", "deeper"])  # fmt: skip
async def test_nobody_is_asked_about_what_would_look_different(
    caller: Principal, data: dict[str, Any]
) -> None:
    runs = StructuredTool.from_function(
        coroutine=take, name="take", description="Takes it.", args_schema=Free
    )
    used = box(caller, Tool(runs, frozenset({Label.WRITE})))
    used.can_ask = True
    result = await used.call(call("take", data=data))
    assert (result.verdict, result.failed) == (Verdict.RUN, True), result
    assert "The arguments" in result.text
    fine = {"text": "für \\u0000 😀", "n": 2**53, "deep": deep(10)}
    assert (await used.call(call("take", data=fine))).verdict is Verdict.ASK


async def test_a_tool_is_only_there_for_callers_with_its_scopes(caller: Principal) -> None:
    needs = tool(echo, scopes=frozenset({Scope.DOCUMENTS_READ}))
    assert box(caller, needs).tools == {}
    assert (await box(caller, needs).call(call(word="x"))).failed


def test_two_tools_of_one_name_are_refused(caller: Principal) -> None:
    with pytest.raises(ValueError, match="one name"):
        box(caller, tool(echo), tool(echo, Label.WRITE))


async def test_the_calculator_is_among_the_tools(caller: Principal, setting: Setting) -> None:
    used = Toolbox.of(caller, "run-1", made(setting), untrusted=False)
    result = await used.call(call("calculator", expression="15% of 80"))
    assert result.text == "15% of 80 = 12"
    refused = await used.call(call("calculator", expression="9**9**9"))
    assert (refused.failed, "digits" in refused.text) == (True, True)
    assert not used.untrusted
