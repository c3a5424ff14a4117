"""With a model that costs something, questions come out of the tenant's budget like documents."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import event, text

from citewell.bootstrap import App
from citewell.config import EmbeddingSettings, Settings
from citewell.domain.ids import DEFAULT_TENANT
from citewell.domain.passages import SearchQuery
from citewell.inference.openai_embedder import OpenAIEmbedder, OpenAIServer
from tests.api.conftest import work_off
from tests.contract.openai_server import DIMENSION, ModelServer, model_server

TEXT = "The lighthouse at Cape Ward was built in 1874 by the harbour board."
ASKED = "When was the lighthouse at Cape Ward built?"
PRICE = 2_000.0


@pytest.fixture
def provider() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture
async def embedder(provider: ModelServer) -> AsyncIterator[OpenAIEmbedder]:
    opened = await OpenAIEmbedder.open(OpenAIServer("m", provider.base_url, None, DIMENSION))
    yield opened
    await opened.close()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    chosen = EmbeddingSettings(model="openai:m", price_per_million_tokens=PRICE)
    return settings.model_copy(update={"embedding": chosen})


async def spent(client: httpx.AsyncClient) -> tuple[int, float]:
    day = (await client.get("/api/v1/budgets")).json()["items"][0]
    return day["tokens_spent"], day["money_spent"]


async def search(client: httpx.AsyncClient) -> dict[str, object]:
    reply = await client.post("/api/v1/search", json={"query": ASKED})
    assert reply.status_code == 200, reply.text
    found: dict[str, object] = reply.json()
    return found


@pytest.fixture
async def library(client: httpx.AsyncClient, app: App) -> httpx.AsyncClient:
    """The administrator, with a document that can be searched."""
    path = "/api/v1/collections/default/documents"
    assert (await client.post(path, json={"text": TEXT, "title": "Ward"})).status_code == 202
    await work_off(app)
    return client


async def test_searching_and_asking_is_billed(library: httpx.AsyncClient, app: App) -> None:
    indexed, cost = await spent(library)
    assert indexed > 0
    assert cost == pytest.approx(indexed * PRICE / 1e6)
    assert (await search(library))["degraded"] == []
    searched, _ = await spent(library)
    assert searched == indexed + app.embedder.count_tokens(ASKED)
    answer = await library.post("/query", json={"input": ASKED})
    assert "1874" in answer.json()["response"]
    asked, cost = await spent(library)
    # The search, the question held against sentences, and the sentences.
    assert asked > searched + 2 * app.embedder.count_tokens(ASKED)
    assert cost == pytest.approx(asked * PRICE / 1e6)
    async with app.database.transaction(DEFAULT_TENANT) as tx:
        rows = await tx.budgets.connection.execute(
            text("SELECT step, sum(tokens_in) AS tokens FROM usage GROUP BY 1")
        )
        assert {row.step: row.tokens for row in rows} == {
            "embed": indexed,
            "embed_question": asked - indexed,
        }


async def test_beyond_the_budget_words_go_on_and_nothing_is_sent(
    library: httpx.AsyncClient, provider: ModelServer
) -> None:
    whole = await search(library)
    before, sent = await spent(library), len(provider.requests)
    body = {"month": {"tokens": before[0]}}
    assert (await library.put("/api/v1/budgets", json=body)).status_code == 200
    found = await search(library)
    assert found["degraded"] == ["budget_exceeded"]
    assert [one["text"] for one in found["passages"]] == [TEXT]  # type: ignore[attr-defined]
    answer = (await library.post("/query", json={"input": ASKED})).json()
    assert "1874" in answer["response"]
    told = await library.get(f"/api/v1/runs/{answer['run_id']}/events")
    assert told.text.count('"message":"budget_exceeded"') == 1
    assert await spent(library) == before
    assert len(provider.requests) == sent, "an unpaid call was made"
    await library.put("/api/v1/budgets", json={"month": {"tokens": None}})
    assert (await search(library))["degraded"] == whole["degraded"] == []


async def test_only_a_search_that_somebody_pays_for_asks_about_budgets(
    library: httpx.AsyncClient, app: App, embedder: OpenAIEmbedder
) -> None:
    """It reserves and it settles; a model of one's own costs no transaction."""
    principal = await app.accounts.administrator()
    async with app.database.transaction(principal) as tx:
        collection = await tx.collections.by_name("default")
    query = SearchQuery(ASKED, (collection.id,))
    begun: list[object] = []

    def note(connection: object) -> None:
        # The application follows its change log meanwhile: that is no part of a search.
        task = asyncio.current_task()
        if task is None or task.get_name() != "projections":
            begun.append(connection)

    event.listen(app.database.engine.sync_engine, "begin", note)
    counts = []
    for model in (embedder, app.embedder):
        retrieval = replace(app.retrieval, embedder=model)
        await retrieval.search(principal, query)
        begun.clear()
        assert (await retrieval.search(principal, query)).passages
        counts.append(len(begun))
    # The look at what is live now is a statement by itself, and begins nothing.
    assert counts == [0, 2]
