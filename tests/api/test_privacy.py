"""Privacy over HTTP: replies, repetition, and what a narrow key may not do."""

import io
import zipfile
from uuid import uuid4

import httpx

from citewell.accounts.privacy.exporting import Exporting
from citewell.bootstrap import App
from citewell.domain.principal import Role, Scope
from tests.api.conftest import Keys

PRIVACY = "/api/v1/privacy"


async def test_a_decision_is_shown_to_its_person(client: httpx.AsyncClient) -> None:
    body = {"purpose": "statistics", "version": "2026-01", "given": True}
    made = await client.put(f"{PRIVACY}/consents", json=body)
    assert made.status_code == 200
    listed = (await client.get(f"{PRIVACY}/consents")).json()["items"]
    assert listed == [made.json()]
    assert (
        await client.get(f"{PRIVACY}/consents", params={"person": str(uuid4())})
    ).status_code == 404


async def test_an_export_is_asked_for_once_and_fetched_when_it_is_ready(
    client: httpx.AsyncClient, app: App
) -> None:
    once = {"idempotency-key": uuid4().hex}
    first = await client.post(f"{PRIVACY}/exports", json={}, headers=once)
    again = await client.post(f"{PRIVACY}/exports", json={}, headers=once)
    assert first.status_code == 202
    assert first.json() == again.json()
    path = f"{PRIVACY}/exports/{first.json()['id']}"
    assert (await client.get(path)).json()["state"] == "waiting"
    assert (await client.get(f"{path}/content")).status_code == 409
    async with app.database.system() as system:
        [lease] = await system.claim(uuid4())
    await Exporting(app.database, app.blobs).run(lease)
    ready = (await client.get(path)).json()
    assert ready["state"] == "ready"
    reply = await client.get(f"{path}/content")
    assert reply.headers["content-disposition"].startswith("attachment")
    assert len(reply.content) == ready["size"]
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        assert archive.testzip() is None
        assert "manifest.json" in archive.namelist()


async def test_the_same_key_with_another_wish_is_refused(
    client: httpx.AsyncClient, app: App, keys: Keys
) -> None:
    ada = await app.accounts.authenticate(await keys.make(Role.EDITOR))
    once = {"idempotency-key": uuid4().hex}
    body = {"person": str(ada.user_id), "documents": False}
    first = await client.post(f"{PRIVACY}/erasures", json=body, headers=once)
    assert first.status_code == 202
    assert first.json()["everywhere"]
    assert first.json()["removed"]["users"] == 1
    assert (
        await client.post(f"{PRIVACY}/erasures", json=body, headers=once)
    ).json() == first.json()
    other = await client.post(f"{PRIVACY}/erasures", json={**body, "documents": True}, headers=once)
    assert other.status_code == 422
    jobs = (await client.get("/api/v1/jobs")).json()["items"]
    (job,) = [one for one in jobs if one["kind"] == "erase"]
    assert (await client.post(f"/api/v1/jobs/{job['id']}/cancel")).status_code == 409


async def test_a_key_for_questions_opens_nothing_of_its_owner(
    anonymous: httpx.AsyncClient, keys: Keys
) -> None:
    key = await keys.make(Role.VIEWER, frozenset(Scope) - {Scope.ADMIN})
    headers = {"authorization": f"Bearer {key}"}
    for path in ("exports", "erasures"):
        reply = await anonymous.post(f"{PRIVACY}/{path}", json={}, headers=headers)
        assert reply.status_code == 403
    full = {"authorization": f"Bearer {await keys.make(Role.VIEWER)}"}
    assert (await anonymous.post(f"{PRIVACY}/exports", json={}, headers=full)).status_code == 202
