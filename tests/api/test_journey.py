"""A file goes in, is searched, asked about, changed and removed, through the HTTP door alone."""

import asyncio

import httpx

from citewell.bootstrap import App
from tests.api.conftest import work_off

TEXT = (
    "The lighthouse at Cape Ward was built in 1874.\n\n"
    "Its lamp burns whale oil, and the keeper trims the wick every four hours.\n"
)


async def test_a_document_is_uploaded_searched_asked_about_and_deleted(
    client: httpx.AsyncClient, app: App
) -> None:
    reply = await client.post(
        "/api/v1/collections/default/documents",
        files={"file": ("notes/lighthouse.txt", TEXT.encode())},
        data={"title": "Lighthouse", "tags": "sea, light", "metadata": '{"year": 1874}'},
    )
    assert reply.status_code == 202, reply.text
    accepted = reply.json()
    document = accepted["document"]
    assert (document["title"], document["filename"]) == ("Lighthouse", "notes/lighthouse.txt")
    assert document["tags"] == ["sea", "light"]
    assert document["metadata"] == {"year": 1874}
    assert accepted["job"]["state"] == "queued"
    assert not accepted["duplicate"]

    await work_off(app)
    path = f"/api/v1/documents/{document['id']}"
    shown = (await client.get(path)).json()
    assert shown["status"] == "ready", shown
    assert shown["chunks_done"] == shown["chunks_total"] > 0
    job = (await client.get(f"/api/v1/jobs/{accepted['job']['id']}")).json()
    assert job["state"] == "done"
    text = (await client.get(f"{path}/text")).json()
    assert "whale oil" in text["text"]
    chunks = (await client.get(f"{path}/chunks")).json()["items"]
    assert all(text["text"][c["start"] : c["end"]] == c["text"] for c in chunks)

    found = (
        await client.post(
            "/api/v1/search",
            json={"query": "When was the lighthouse built?", "filter": {"tags": "sea"}},
        )
    ).json()
    assert found["passages"][0]["document_id"] == document["id"]
    assert "dropped" in found
    explained = await client.post("/api/v1/search", json={"query": "lamp oil", "explain": True})
    assert isinstance(explained.json()["dropped"], list)

    answer = (await client.post("/query", json={"input": "When was the lighthouse built?"})).json()
    assert answer["answered"], answer
    assert "1874" in answer["response"]
    citation = answer["citations"][0]
    assert text["text"][citation["start"] : citation["end"]] == citation["quote"]
    assert citation["verified"]
    run = (await client.get(f"/api/v1/runs/{answer['run_id']}")).json()
    assert run["state"] == "finished"

    original = await client.get(f"{path}/original")
    assert original.content == TEXT.encode()
    assert original.headers["content-disposition"] == 'attachment; filename="lighthouse.txt"'
    assert "sandbox" in original.headers["content-security-policy"]

    renamed = await client.patch(path, json={"title": "The tower"})
    assert renamed.json()["title"] == "The tower"
    receipt = (await client.delete(path)).json()
    assert receipt["removed"]["chunks"] == len(chunks)
    assert not receipt["searchable"]
    again = await client.post("/api/v1/search", json={"query": "When was the lighthouse built?"})
    assert again.json()["passages"] == []
    assert (await client.get(path)).status_code == 404


async def test_a_text_is_taken_in_as_a_document(client: httpx.AsyncClient) -> None:
    reply = await client.post(
        "/api/v1/collections/default/documents", json={"title": "Memo", "text": "Buy oil."}
    )
    assert reply.status_code == 202
    assert reply.json()["document"]["filename"] == "Memo.txt"


async def test_a_collection_is_made_listed_renamed_and_removed(client: httpx.AsyncClient) -> None:
    made = await client.post("/api/v1/collections", json={"name": "Law", "description": "Acts."})
    assert made.status_code == 201
    taken = await client.post("/api/v1/collections", json={"name": "Law"})
    assert taken.status_code == 409
    path = f"/api/v1/collections/{made.json()['id']}"
    changed = await client.patch(path, json={"name": "Statutes"})
    assert changed.json()["name"] == "Statutes"
    assert changed.json()["description"] == "Acts."
    assert (await client.get("/api/v1/collections/Statutes")).json()["id"] == made.json()["id"]
    receipt = await client.delete(path)
    assert receipt.json()["removed"] == {"documents": 0, "chunks": 0}
    assert (await client.get(path)).status_code == 404


async def test_lists_are_read_page_by_page_without_a_gap(client: httpx.AsyncClient) -> None:
    names = sorted(f"c{number}" for number in range(5))
    for name in names:
        await client.post("/api/v1/collections", json={"name": name})
        await client.post(
            f"/api/v1/collections/{name}/documents", json={"title": name, "text": name}
        )
    for path, field in (("/api/v1/collections", "name"), ("/api/v1/documents", "title")):
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = (await client.get(path, params={"limit": 2, "cursor": cursor})).json()
            assert len(page["items"]) <= 2
            seen += [one[field] for one in page["items"]]
            cursor = page["next_cursor"]
        assert sorted(set(seen) - {"default"}) == names
        assert len(seen) == len(set(seen))


async def test_a_cancelled_job_says_so_on_its_document_and_can_be_retried(
    client: httpx.AsyncClient,
) -> None:
    accepted = await client.post(
        "/api/v1/collections/default/documents", json={"title": "Memo", "text": "Buy oil."}
    )
    job, document = accepted.json()["job"]["id"], accepted.json()["document"]["id"]
    cancelled = await client.post(f"/api/v1/jobs/{job}/cancel")
    assert cancelled.json()["state"] == "cancelled"
    assert (await client.post(f"/api/v1/jobs/{job}/cancel")).status_code == 409
    shown = (await client.get(f"/api/v1/documents/{document}")).json()
    assert (shown["status"], shown["failure"]["code"]) == ("failed", "cancelled")
    key = {"idempotency-key": "retry-1"}
    retried = await client.post(f"/api/v1/jobs/{job}/retry", headers=key)
    assert retried.status_code == 202
    assert retried.json()["state"] == "queued"
    assert (await client.post(f"/api/v1/jobs/{job}/retry", headers=key)).text == retried.text
    assert (await client.post(f"/api/v1/jobs/{job}/retry")).status_code == 409
    shown = (await client.get(f"/api/v1/documents/{document}")).json()
    assert (shown["status"], shown["failure"]) == ("received", None)
    listed = (await client.get("/api/v1/jobs", params={"state": "queued"})).json()["items"]
    assert [one["id"] for one in listed] == [retried.json()["id"]]


async def test_a_repeated_request_has_one_effect_and_the_same_reply(
    client: httpx.AsyncClient,
) -> None:
    headers = {"idempotency-key": "make-law"}
    replies = await asyncio.gather(
        *(client.post("/api/v1/collections", json={"name": "Law"}, headers=headers) for _ in "1234")
    )
    assert [reply.status_code for reply in replies] == [201] * 4
    assert len({reply.text for reply in replies}) == 1
    other = await client.post("/api/v1/collections", json={"name": "Act"}, headers=headers)
    assert other.status_code == 422
    names = [one["name"] for one in (await client.get("/api/v1/collections")).json()["items"]]
    assert names.count("Law") == 1
    assert "Act" not in names


async def test_a_reprocessing_that_is_sent_twice_at_once_is_one_version(
    client: httpx.AsyncClient, app: App
) -> None:
    accepted = await client.post(
        "/api/v1/collections/default/documents", json={"title": "Memo", "text": "Buy oil."}
    )
    await work_off(app)
    path = f"/api/v1/documents/{accepted.json()['document']['id']}"
    key = {"idempotency-key": "reprocess-1"}
    replies = await asyncio.gather(
        *(client.post(f"{path}/reprocess", headers=key) for _ in range(4))
    )
    assert [reply.status_code for reply in replies] == [202] * 4
    assert len({reply.text for reply in replies}) == 1
    assert (await client.get(path)).json()["version_number"] == 2


async def test_an_upload_that_is_sent_twice_at_once_is_one_document(
    client: httpx.AsyncClient, app: App
) -> None:
    async def send(content: bytes) -> httpx.Response:
        return await client.post(
            "/api/v1/collections/default/documents",
            files={"file": ("a.txt", content)},
            headers={"idempotency-key": "upload-1"},
        )

    replies = await asyncio.gather(*(send(b"Some text.") for _ in range(6)))
    assert {reply.status_code for reply in replies} == {202}
    assert len({reply.text for reply in replies}) == 1
    assert (await send(b"Another text.")).status_code == 422
    listed = (await client.get("/api/v1/documents")).json()["items"]
    assert len(listed) == 1
    kept = [path for path in app.blobs.folder.rglob("*") if path.is_file()]
    assert len(kept) == 1
