"""An administrator sees what the tenant stores and spends, and sets its budgets."""

from typing import Any

import httpx

from citewell.bootstrap import App
from citewell.domain.allowances import Resource
from citewell.domain.ids import DEFAULT_TENANT
from citewell.domain.principal import Role
from tests.api.conftest import Keys


async def test_an_upload_over_the_quota_says_which_and_what_is_left(
    client: httpx.AsyncClient, app: App
) -> None:
    async with app.database.installation() as whole:
        await whole.quotas.set(DEFAULT_TENANT, {Resource.DOCUMENTS: 1})
    path = "/api/v1/collections/default/documents"
    assert (await client.post(path, json={"text": "One."})).status_code == 202
    refused = await client.post(path, json={"text": "Two."})
    assert (refused.status_code, refused.json()["code"]) == (409, "quota_exceeded")
    assert "1 of 1 are stored, 0 are left" in refused.json()["detail"]
    quotas = (await client.get("/api/v1/usage")).json()["quotas"]
    assert quotas[0] == {"resource": "documents", "used": 1, "limit": 1, "left": 0}
    assert quotas[1]["used"] == 4


async def test_budgets_are_set_one_period_at_a_time(client: httpx.AsyncClient) -> None:
    await client.put("/api/v1/budgets", json={"day": {"tokens": 10, "money": 0.5}})
    await client.put("/api/v1/budgets", json={"month": {"tokens": 99}})
    found = (await client.get("/api/v1/budgets")).json()["items"]
    assert [(one["period"], one["tokens"], one["money"]) for one in found] == [
        ("day", 10, 0.5), ("month", 99, None),
    ]  # fmt: skip
    bodies: tuple[dict[str, Any], ...] = (
        {"day": {"tokens": -1}},
        {"day": {"tokens": "1"}},
        {"week": {}},
    )
    for wrong in bodies:
        assert (await client.put("/api/v1/budgets", json=wrong)).status_code == 422, wrong


async def test_an_editor_neither_sees_nor_sets_them(
    anonymous: httpx.AsyncClient, keys: Keys
) -> None:
    anonymous.headers["authorization"] = f"Bearer {await keys.make(Role.EDITOR)}"
    assert (await anonymous.get("/api/v1/usage")).status_code == 403
    assert (await anonymous.put("/api/v1/budgets", json={})).status_code == 403
