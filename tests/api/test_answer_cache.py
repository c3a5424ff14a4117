"""With a cache before the agent, the same question is answered again as a run of its own."""

from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from citewell.bootstrap import App
from citewell.config import AnswerCacheSettings, Settings
from tests.api.conftest import work_off

ASKED = {"input": "When was the lighthouse at Cape Ward built?"}


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str) -> Settings:
    return Settings(
        home=tmp_path / "home",
        database_url=SecretStr(postgres_url),
        answer_cache=AnswerCacheSettings(mode="same"),
    )


async def asked(client: httpx.AsyncClient) -> tuple[dict[str, object], list[str]]:
    """What a question is answered with, and the steps that it took."""
    reply = await client.post("/query", json=ASKED)
    assert reply.status_code == 200, reply.text
    body = reply.json()
    run = (await client.get(f"/api/v1/runs/{body['run_id']}/events")).text
    steps = [name for name in ("plan", "retrieve", "cache") if f'"stepName":"{name}"' in run]
    told = {name: body[name] for name in ("response", "citations", "grounded", "answered")}
    return told, steps


async def test_the_second_answer_is_the_first_until_its_document_is_gone(
    client: httpx.AsyncClient, app: App
) -> None:
    added = await client.post(
        "/api/v1/collections/default/documents",
        json={"title": "Lighthouse", "text": "The lighthouse at Cape Ward was built in 1874."},
    )
    await work_off(app)
    await app.projections.catch_up()
    first, worked = await asked(client)
    assert worked == ["plan", "retrieve"]
    assert "1874" in str(first["response"])
    again, looked = await asked(client)
    assert (again, looked) == (first, ["cache"])
    document = added.json()["document"]["id"]
    assert (await client.delete(f"/api/v1/documents/{document}")).status_code == 200
    gone, worked = await asked(client)
    assert worked == ["plan", "retrieve"]
    assert gone["answered"] is False
    shown = (await client.get("/metrics")).text
    assert 'citewell_answer_cache_total{outcome="hit"}' in shown
