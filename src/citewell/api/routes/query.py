"""The shortest path: a question in, an answer with its citations out."""

from typing import Any

from fastapi import APIRouter

from citewell.api.deps import AppDep, Caller, RequestKeyDep
from citewell.api.guard import CAN_ASK, GuardedRoute, allow
from citewell.api.questions import asking, check_question, raise_for
from citewell.api.schemas.answers import QueryAnswered, QueryAsked
from citewell.domain.ids import ConversationId

router = APIRouter(route_class=GuardedRoute, tags=["questions"])


LINKED: dict[int | str, dict[str, Any]] = {
    200: {
        "links": {
            name: {"operationId": name, "parameters": {"run_id": "$response.body#/run_id"}}
            for name in ("get_run", "follow_run", "cancel_run")
        }
    }
}


@router.post("/query", summary="Ask a question and wait for the answer", responses=LINKED)
@allow(CAN_ASK)
async def ask(body: QueryAsked, caller: Caller, app: AppDep, once: RequestKeyDep) -> QueryAnswered:
    """The answer quotes the documents; `citations` say where each sentence comes from."""
    text = check_question(body.input, app.settings.limits.question_chars, field="input")
    collections = await app.documents.inside(caller, body.collections)
    within = None if body.conversation is None else ConversationId(body.conversation)
    run, outcome = await app.chat.answer(
        asking(caller), text, collections, conversation_id=within, once=once
    )
    raise_for(outcome.error)
    return QueryAnswered.of(run, outcome)
