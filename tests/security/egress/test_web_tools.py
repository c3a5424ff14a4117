"""The web as tools of a model: off by default, by the one way out, not after words of others."""

import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from langchain_core.messages import ToolCall

from citewell.agent.offer import Offer
from citewell.agent.tools.calling import Toolbox
from citewell.agent.tools.contract import Label, Setting, Tool
from citewell.agent.tools.permission import Verdict
from citewell.config import ToolSettings
from citewell.documents.fetching.pages import Pages
from citewell.domain.errors import StartError
from citewell.domain.ids import DEFAULT_TENANT, UserId, new_id
from citewell.domain.principal import Principal, Role, Scope
from citewell.inference.egress.addresses import Address
from citewell.inference.web_search import WebSearch
from citewell.telemetry.tasks import Tasks
from tests.security.egress.internet import Internet, http, redirect

HTML = "text/html; charset=utf-8"
PAGE = b"<title>The lighthouse</title><h1>Lamp</h1><p>It turns every nine seconds.</p>"
RUN = str(new_id())
NOBODY = cast("Setting", None)  # These tools are the same for everybody.
READER = Principal(DEFAULT_TENANT, UserId(new_id()), Role.VIEWER, frozenset({Scope.ASK}))


@pytest.fixture
async def pages(internet: Internet) -> AsyncIterator[Pages]:
    tasks = Tasks()
    made = Pages.of(tasks, enabled=True, web=internet.web())
    assert made is not None
    yield made
    await tasks.close()


def box(*tools: Tool, untrusted: bool = False) -> Toolbox:
    return Toolbox.of(READER, RUN, tools, untrusted=untrusted)


def wanted(name: str, **arguments: Any) -> ToolCall:
    return ToolCall(name=name, args=arguments, id="call-1")


def fetching(pages: Pages) -> Tool:
    return Offer.of(enabled=True, added="", web_fetch=True, read=pages.read).added[0](NOBODY)


def test_nothing_of_the_web_is_offered_by_itself() -> None:
    assert Offer.of(**ToolSettings().model_dump(), read=None).added == ()
    assert Pages.of(Tasks(), enabled=False) is None
    with pytest.raises(StartError, match="CITEWELL_TOOLS__WEB_SEARCH"):
        Offer.of(enabled=True, added="", web_search="searx")


async def test_a_page_is_read_as_text_in_pieces_and_is_others_words(
    pages: Pages, internet: Internet
) -> None:
    long = b"<title>Long</title><p>" + b"word " * 4000 + b"</p>"
    internet.pages |= {
        ("good.example", "/lamp"): redirect("/new"),
        ("good.example", "/new"): http(200, PAGE, content_type=HTML),
        ("good.example", "/long"): http(200, long, content_type=HTML),
    }
    tool = fetching(pages)
    assert (tool.name, tool.labels, tool.own_words) == (
        "web_fetch",
        frozenset({Label.EGRESS}),
        False,
    )
    run = box(tool)
    found = await run.call(wanted("web_fetch", url="http://good.example/lamp"))
    assert found.text.startswith("The lighthouse\nhttp://good.example/new\n")
    assert "It turns every nine seconds." in found.text
    assert run.untrusted
    # From now on what a model sends out could be what the page has told it to.
    refused = await run.call(wanted("web_fetch", url="http://good.example/?q=what-was-read"))
    assert (refused.verdict, refused.failed) == (Verdict.OFF, True)
    assert internet.asked == [("good.example", "/lamp"), ("good.example", "/new")]
    piece = await box(tool).call(wanted("web_fetch", url="http://good.example/long", first=100))
    assert "read on with first=7100" in piece.text


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://inner.example/", "http://good.example/in", "file:///etc/passwd",
     "http://good.example:8080/", "http://u:p@good.example/", "http://[::1]/", "http://0x7f.1/"],
)  # fmt: skip
async def test_a_model_gets_no_further_than_the_public_web(
    pages: Pages, internet: Internet, url: str
) -> None:
    internet.names["inner.example"] = [["10.0.0.1"]]
    internet.pages["good.example", "/in"] = redirect("http://inner.example/")
    found = await box(fetching(pages)).call(wanted("web_fetch", url=url))
    assert found.failed
    assert (internet.knocks, internet.strayed) == (0, [])


async def test_what_cannot_be_read_is_a_failure_with_its_reason(
    pages: Pages, internet: Internet
) -> None:
    internet.pages["good.example", "/x"] = http(200, b"\x7fELF\x02\x01" + bytes(200))
    found = await box(fetching(pages)).call(wanted("web_fetch", url="http://good.example/x"))
    assert (found.failed, "cannot be read" in found.text) == (True, True), found.text


async def test_a_search_engine_of_the_operators_is_asked_and_its_words_are_others(
    internet: Internet,
) -> None:
    results = [
        {"url": "https://lamp.example/", "title": "Lamp", "content": "Nine seconds.", "score": 1},
        {"url": "javascript:alert(1)", "title": "Not an address"},
        {"url": "https://other.example/", "title": "Other", "content": None},
    ]
    asked = "/engine/search?q=lamp+%26+light&format=json"
    said = json.dumps({"query": "lamp", "results": results}).encode()
    site = internet.origin.authority
    internet.pages[site, asked] = http(200, said, content_type="application/json")
    offer = Offer.of(enabled=True, added="", web_search=f"{internet.origin}/engine/")
    tool = offer.added[0](NOBODY)
    assert (tool.name, tool.labels) == ("web_search", frozenset({Label.EGRESS}))
    run = box(tool)
    found = await run.call(wanted("web_search", query="lamp & light"))
    assert found.text == (
        "Lamp\nhttps://lamp.example/\nNine seconds.\n\nOther\nhttps://other.example/"
    )
    assert run.untrusted
    late = await box(tool, untrusted=True).call(wanted("web_search", query="lamp & light"))
    assert late.verdict is Verdict.OFF
    assert internet.asked == [(site, asked)]


@pytest.mark.parametrize(
    ("page", "said"),
    [(http(403), "search.formats"), (http(200, b"<html>"), "not that of SearXNG")],
)
async def test_an_engine_that_answers_otherwise_is_told_of(
    internet: Internet, page: bytes, said: str
) -> None:
    internet.pages[internet.origin.authority, "/search?q=x&format=json"] = page
    tool = Offer.of(enabled=True, added="", web_search=str(internet.origin)).added[0](NOBODY)
    found = await box(tool).call(wanted("web_search", query="x"))
    assert (found.failed, said in found.text) == (True, True), found.text


def test_the_engines_address_is_read_once() -> None:
    assert WebSearch.of("") is None
    engine = WebSearch.of("http://searx:8080")
    assert engine == WebSearch(Address.read("http://searx:8080/"))
