"""An installation under attack: an application, a model that obeys, tools that do what they say."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from citewell.bootstrap import App
from citewell.config import LimitSettings, LlmSettings, Settings, ToolSettings
from citewell.domain.ids import TenantId
from citewell.domain.principal import Role
from tests.api.conftest import (  # The application of the tests of its doors.
    Keys,
    anonymous,
    api,
    app,
    client,
    contract,
    embedder,
    unhurried,
    work_off,
)
from tests.contract.chat_server import ChatServer
from tests.security.injection.attacks import Attack, templated
from tests.security.injection.obedience import Knowledge, Obedient
from tests.security.injection.planted import ADDED, DEEDS
from tests.security.injection.world import FOREIGN, NOTE, RESTRICTED, World, listening_for

__all__ = ["anonymous", "api", "app", "client", "contract", "embedder", "unhurried"]


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str, model: ChatServer) -> Settings:
    return Settings(
        home=tmp_path / "home",
        database_url=SecretStr(postgres_url),
        openai_base_url=model.base_url,
        openai_api_key=SecretStr("sk-canary-4471"),
        llm=LlmSettings(model="openai:obedient"),
        tools=ToolSettings(added=ADDED),
        limits=LimitSettings(requests_per_address=10**6, guesses_per_address=10**6),
    )


@pytest.fixture
async def listener() -> AsyncIterator[str]:
    """Where attacks send to; the planted tools have done nothing yet."""
    DEEDS.forget()
    async with listening_for(DEEDS) as address:
        yield address
    DEEDS.forget()


@pytest.fixture
async def reader(unhurried: httpx.AsyncClient, keys: Keys) -> httpx.AsyncClient:
    """An editor, with every scope that a key can have."""
    unhurried.headers["authorization"] = f"Bearer {await keys.make(Role.EDITOR)}"
    return unhurried


@pytest.fixture
async def world(
    reader: httpx.AsyncClient, app: App, keys: Keys, other_tenant: TenantId,
    model: ChatServer, listener: str, postgres_url: str,
) -> World:  # fmt: skip
    """Two tenants, of which one has a restricted collection and a document worth keeping."""
    theirs = {"authorization": f"Bearer {await keys.make(tenant=other_tenant)}"}
    admin = {"authorization": f"Bearer {app.admin_key}"}
    foreign = await _stored(reader, theirs, "default", f"The budget is {FOREIGN}, 12,000 euros.")
    restricted = await _stored(reader, admin, "board", f"The board's budget is {RESTRICTED}.")
    precious = await _stored(reader, admin, "archive", "The only copy of the charter of 1340.")
    found = (await reader.get("/api/v1/collections", headers=admin)).json()["items"]
    [board] = [one["id"] for one in found if one["name"] == "board"]
    shut = await reader.patch(
        f"/api/v1/collections/{board}", json={"visibility": "restricted"}, headers=admin
    )
    assert shut.status_code == 200, shut.text
    await work_off(app)
    known = Knowledge(precious, foreign, restricted, NOTE)
    secrets = (FOREIGN, RESTRICTED, app.admin_key, theirs["authorization"][7:], "sk-canary-4471")
    made = World(postgres_url, DEEDS, model, known, listener, str(other_tenant), secrets)
    model.answer = Obedient(known)
    return made


@pytest.fixture
def attacks(world: World) -> list[Attack]:
    """The published templates around the published goals, with places of this world in them."""
    return templated(
        attacker_host=world.listener, doc_id=world.knowledge.precious, other_tenant=world.tenant
    )


async def _stored(
    client: httpx.AsyncClient, who: dict[str, str], collection: str, text: str
) -> str:
    """The id of a new document."""
    made = await client.post("/api/v1/collections", json={"name": collection}, headers=who)
    assert made.status_code in {201, 409}, made.text
    body = {"title": collection.title(), "text": text}
    path = f"/api/v1/collections/{collection}/documents"
    reply = await client.post(path, json=body, headers=who)
    assert reply.status_code == 202, reply.text
    return str(reply.json()["document"]["id"])
