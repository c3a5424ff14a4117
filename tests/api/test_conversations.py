"""Conversations over HTTP: begun, asked in, read, renamed, removed."""

import json
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from citewell.bootstrap import App
from citewell.domain.principal import Role
from tests.api.conftest import Keys, work_off

PATH = "/api/v1/conversations"
TEXT = "The lighthouse at Cape Ward was built in 1874. It has ninety steps."
ASKED = "When was the lighthouse at Cape Ward built?"


@pytest.fixture
async def filled(client: httpx.AsyncClient, app: App) -> httpx.AsyncClient:
    """The administrator's client of a library with one document."""
    body = {"title": "Lighthouses", "text": TEXT}
    added = await client.post("/api/v1/collections/default/documents", json=body)
    assert added.status_code == 202, added.text
    await work_off(app)
    return client


async def begin(client: httpx.AsyncClient, title: str = "") -> dict[str, Any]:
    reply = await client.post(PATH, json={"title": title})
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


async def ask(client: httpx.AsyncClient, text: str, conversation: str | None) -> dict[str, Any]:
    reply = await client.post("/query", json={"input": text, "conversation": conversation})
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


async def said_in(client: httpx.AsyncClient, conversation: str) -> list[dict[str, Any]]:
    reply = await client.get(f"{PATH}/{conversation}/messages")
    assert reply.status_code == 200, reply.text
    return list(reply.json()["items"])


async def test_a_question_begins_a_conversation_that_the_next_one_goes_on_with(
    filled: httpx.AsyncClient,
) -> None:
    first = await ask(filled, ASKED, None)
    second = await ask(filled, "How many steps does the lighthouse have?", first["conversation_id"])
    assert second["conversation_id"] == first["conversation_id"]
    shown = (await filled.get(f"{PATH}/{first['conversation_id']}")).json()
    assert (shown["title"], shown["turns"]) == (ASKED, 2)
    assert shown["last_at"] > shown["created_at"]


async def test_what_was_said_is_read_in_order_with_the_citations_of_the_run(
    filled: httpx.AsyncClient,
) -> None:
    answered = await ask(filled, ASKED, None)
    question, answer = await said_in(filled, answered["conversation_id"])
    assert (question["role"], question["text"]) == ("user", ASKED)
    assert question["grounded"] is None
    assert (answer["role"], answer["text"]) == ("assistant", answered["response"])
    assert answer["citations"] == answered["citations"]
    assert TEXT[answer["citations"][0]["start"] :].startswith(answer["citations"][0]["quote"])
    assert answer["run_id"] == question["run_id"] == answered["run_id"]


async def test_pages_of_messages_and_conversations_follow_each_other_without_a_gap(
    filled: httpx.AsyncClient,
) -> None:
    within = (await begin(filled))["id"]
    for text in (ASKED, "How many steps?"):
        await ask(filled, text, within)
    other = await begin(filled, "Another")
    whole = await said_in(filled, within)
    read, cursor = list[dict[str, Any]](), ""
    while cursor is not None:
        page = await filled.get(f"{PATH}/{within}/messages", params={"limit": 3, "cursor": cursor})
        read += page.json()["items"]
        cursor = page.json()["next_cursor"]
    assert read == whole
    assert len(whole) == 4
    first = (await filled.get(PATH, params={"limit": 1})).json()
    assert [one["id"] for one in first["items"]] == [other["id"]], "the newest comes first"
    rest = (await filled.get(PATH, params={"cursor": first["next_cursor"]})).json()
    assert [one["id"] for one in rest["items"]] == [within]
    assert rest["next_cursor"] is None


async def test_a_conversation_without_a_title_gets_that_of_its_first_question(
    filled: httpx.AsyncClient,
) -> None:
    nameless, named = await begin(filled), await begin(filled, "Coast")
    for one, title in ((nameless, ASKED), (named, "Coast")):
        await ask(filled, ASKED, one["id"])
        assert (await filled.get(f"{PATH}/{one['id']}")).json()["title"] == title


async def test_only_who_has_seen_its_state_renames_it(filled: httpx.AsyncClient) -> None:
    path = f"{PATH}/{(await begin(filled, 'Old'))['id']}"
    seen = (await filled.get(path)).headers["etag"]
    changed = await filled.patch(path, json={"title": "New"}, headers={"if-match": seen})
    assert changed.status_code == 200
    assert changed.json()["title"] == "New"
    late = await filled.patch(path, json={"title": "Late"}, headers={"if-match": seen})
    assert (late.status_code, late.json()["code"]) == (412, "changed")
    fresh = {"if-match": changed.headers["etag"]}
    assert (await filled.patch(path, json={"title": ""}, headers=fresh)).json()["title"] == ""
    for refused in ({}, {"title": "a\nb"}, {"title": "x" * 201}, {"title": None}, {"name": "n"}):
        assert (await filled.patch(path, json=refused)).status_code == 422, refused


async def test_a_run_is_started_once_however_often_its_request_is_repeated(
    filled: httpx.AsyncClient, app: App
) -> None:
    within = (await begin(filled))["id"]
    once = {"idempotency-key": "k1"}
    replies = [
        await filled.post(f"{PATH}/{within}/runs", json={"input": ASKED}, headers=once)
        for _ in range(2)
    ]
    assert [one.status_code for one in replies] == [202, 202]
    first, again = (one.json() for one in replies)
    assert first["id"] == again["id"]
    assert first["conversation_id"] == within
    other = await filled.post(f"{PATH}/{within}/runs", json={"input": "Other?"}, headers=once)
    assert other.status_code == 422
    await filled.get(f"/api/v1/runs/{first['id']}/events")
    assert len(await said_in(filled, within)) == 2
    made = [await filled.post(PATH, json={"title": "T"}, headers=once) for _ in range(2)]
    assert made[0].json() == made[1].json()


async def test_a_deleted_conversation_is_gone_with_its_runs_and_nothing_else(
    filled: httpx.AsyncClient,
) -> None:
    kept, gone = await ask(filled, ASKED, None), await ask(filled, ASKED, None)
    path = f"{PATH}/{gone['conversation_id']}"
    assert (await filled.delete(path)).status_code == 204
    for missing in (path, f"{path}/messages", f"{path}/context", f"/api/v1/runs/{gone['run_id']}"):
        assert (await filled.get(missing)).status_code == 404, missing
    assert (await filled.delete(path)).status_code == 404
    assert (await filled.post(f"{path}/runs", json={"input": ASKED})).status_code == 404
    body = {"input": ASKED, "conversation": gone["conversation_id"]}
    assert (await filled.post("/query", json=body)).status_code == 404
    assert len(await said_in(filled, kept["conversation_id"])) == 2


async def test_the_context_is_what_was_said_so_far_and_who_asks(
    filled: httpx.AsyncClient, app: App
) -> None:
    answered = await ask(filled, ASKED, None)
    path = f"{PATH}/{answered['conversation_id']}"
    shown = (await filled.get(f"{path}/context")).json()
    assert shown["history"] == [
        {"role": "user", "content": ASKED},
        {"role": "assistant", "content": answered["response"]},
    ]
    principal = await app.accounts.authenticate(app.admin_key)
    assert UUID(shown["user"]["id"]) == principal.user_id
    assert shown["user"]["role"] == "owner"
    assert shown["session"] == (await filled.get(path)).json()
    assert UUID(shown["metadata"]["tenant_id"]) == principal.tenant_id
    assert shown["metadata"]["turns_left_out"] == 0
    assert set(shown["metadata"]["untrusted"]) == {"user.facts", "summary", "history"}


async def test_a_colleague_finds_nothing_of_somebody_elses_conversation(
    filled: httpx.AsyncClient, keys: Keys
) -> None:
    answered = await ask(filled, ASKED, None)
    path = f"{PATH}/{answered['conversation_id']}"
    filled.headers["authorization"] = f"Bearer {await keys.make(Role.OWNER)}"
    assert (await filled.get(PATH)).json()["items"] == []
    missing = f"{PATH}/{uuid4()}"
    for method, below, body in (
        ("GET", "", None),
        ("GET", "/messages", None),
        ("GET", "/context", None),
        ("PATCH", "", {"title": "Mine"}),
        ("DELETE", "", None),
        ("POST", "/runs", {"input": ASKED}),
    ):
        theirs = await filled.request(method, path + below, json=body)
        never = await filled.request(method, missing + below, json=body)
        assert theirs.status_code == never.status_code == 404, (method, below)
        assert theirs.json()["title"] == never.json()["title"]


async def plan_of(client: httpx.AsyncClient, run: str) -> dict[str, Any]:
    """What the plan's step tells of itself."""
    said = (await client.get(f"/api/v1/runs/{run}/events")).text
    events = [json.loads(line[6:]) for line in said.splitlines() if line.startswith("data: ")]
    (step,) = (
        one for one in events if one["type"] == "STEP_FINISHED" and one["stepName"] == "plan"
    )
    return dict(step["metadata"]["rag"])


async def test_a_question_that_leans_on_the_last_one_is_looked_for_with_it(
    filled: httpx.AsyncClient,
) -> None:
    first = await ask(filled, ASKED, None)
    second = await ask(filled, "How many steps does it have?", first["conversation_id"])
    assert "ninety steps" in second["response"]
    assert second["citations"][0]["verified"]
    plan = await plan_of(filled, second["run_id"])
    assert plan["looked_for"] == "How many steps does it have (Cape Ward)?"
    asked = (await said_in(filled, first["conversation_id"]))[2]
    assert asked["text"] == "How many steps does it have?", "what was said stays what was said"


async def test_a_question_that_stands_alone_is_looked_for_as_it_is(
    filled: httpx.AsyncClient,
) -> None:
    first = await ask(filled, "What is the capital of France?", None)
    assert "looked_for" not in await plan_of(filled, first["run_id"])
    second = await ask(filled, ASKED, first["conversation_id"])
    assert "looked_for" not in await plan_of(filled, second["run_id"])
    alone = await ask(filled, ASKED, None)
    assert second["citations"] == alone["citations"]


async def test_what_was_asked_before_is_answered_from_the_conversation(
    filled: httpx.AsyncClient,
) -> None:
    first = await ask(filled, ASKED, None)
    again = await ask(filled, "What did I ask before?", first["conversation_id"])
    assert ASKED in again["response"]
    assert (again["answered"], again["reason"]) == (True, "from_memory")
    assert again["citations"] == []
    told = await ask(filled, "What did you say?", first["conversation_id"])
    assert ASKED in told["response"], "the last answer repeated the first question"
