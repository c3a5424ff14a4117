"""Conversations: begun, listed, read, renamed, removed, and asked in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from citewell.api import cursors
from citewell.api.deps import AppDep, Caller, Cursor, Limit, RequestKeyDep
from citewell.api.guard import CAN_ASK, GuardedRoute, allow
from citewell.api.preconditions import CONDITIONAL, TAGGED, PreconditionDep, tagged
from citewell.api.questions import asking, check_question
from citewell.api.schemas.answers import RunShown
from citewell.api.schemas.conversations import (
    ContextShown,
    ConversationChange,
    ConversationPage,
    ConversationShown,
    MessagePage,
    MessageShown,
    NewConversation,
    NewRun,
)
from citewell.chat.conversations import Conversations
from citewell.domain.ids import ConversationId, MessageId

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1/conversations", tags=["conversations"])


async def _conversations(app: AppDep) -> Conversations:
    return Conversations(app.database, app.chat.memory)


ConversationsDep = Annotated[Conversations, Depends(_conversations)]


@router.get("", summary="List your conversations")
@allow(CAN_ASK)
async def list_conversations(
    caller: Caller, conversations: ConversationsDep, cursor: Cursor = "", limit: Limit = 50
) -> ConversationPage:
    """Newest first."""
    before = ConversationId(cursors.decode_id(cursor)) if cursor else None
    found = await conversations.page(caller, before=before, limit=limit)
    items = [ConversationShown.model_validate(one) for one in found]
    more = cursors.next_cursor([one.id for one in found], limit)
    return ConversationPage(items=items, next_cursor=more)


@router.post("", status_code=201, summary="Begin a conversation")
@allow(CAN_ASK)
async def create_conversation(
    body: NewConversation, caller: Caller, conversations: ConversationsDep, once: RequestKeyDep
) -> ConversationShown:
    """A question that names no conversation begins one by itself."""
    made = await conversations.create(caller, body.title, once=once)
    return ConversationShown.model_validate(made)


@router.get("/{conversation_id}", summary="Show a conversation", responses=TAGGED)
@allow(CAN_ASK)
async def get_conversation(
    conversation_id: UUID, caller: Caller, conversations: ConversationsDep, response: Response
) -> ConversationShown:
    """Your own conversations only."""
    found = await conversations.get(caller, ConversationId(conversation_id))
    return tagged(response, found, ConversationShown.model_validate(found))


@router.patch("/{conversation_id}", summary="Rename a conversation", responses=CONDITIONAL)
@allow(CAN_ASK)
async def change_conversation(
    conversation_id: UUID,
    body: ConversationChange,
    caller: Caller,
    conversations: ConversationsDep,
    only_if: PreconditionDep,
) -> ConversationShown:
    """Its `ETag` changes with every question, too."""
    wanted = ConversationId(conversation_id)
    changed = await conversations.rename(caller, wanted, body.title, seen=only_if.seen)
    return tagged(only_if.response, changed, ConversationShown.model_validate(changed))


@router.delete("/{conversation_id}", status_code=204, summary="Delete a conversation")
@allow(CAN_ASK)
async def delete_conversation(
    conversation_id: UUID, caller: Caller, conversations: ConversationsDep
) -> Response:
    """With its messages, runs and their events; runs that go on are stopped."""
    await conversations.delete(caller, ConversationId(conversation_id))
    return Response(status_code=204)


@router.get("/{conversation_id}/messages", summary="Read a conversation")
@allow(CAN_ASK)
async def list_messages(
    conversation_id: UUID,
    caller: Caller,
    conversations: ConversationsDep,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> MessagePage:
    """In the order in which it was said, with citations."""
    after = MessageId(cursors.decode_id(cursor)) if cursor else None
    wanted = ConversationId(conversation_id)
    found = await conversations.messages(caller, wanted, after=after, limit=limit)
    more = cursors.next_cursor([one.id for one in found], limit)
    return MessagePage(items=[MessageShown.of(one) for one in found], next_cursor=more)


@router.post("/{conversation_id}/runs", status_code=202, summary="Ask in a conversation")
@allow(CAN_ASK)
async def start_run(
    conversation_id: UUID, body: NewRun, caller: Caller, app: AppDep, once: RequestKeyDep
) -> RunShown:
    """Follow the run's events for the answer; it goes on when nobody does."""
    text = check_question(body.input, app.settings.limits.question_chars, field="input")
    collections = await app.documents.inside(caller, body.collections)
    within = ConversationId(conversation_id)
    who = asking(caller)
    return RunShown.of(
        await app.chat.start(who, text, collections, conversation_id=within, once=once)
    )


@router.get("/{conversation_id}/context", summary="Show what the next question is asked with")
@allow(CAN_ASK)
async def get_context(
    conversation_id: UUID, caller: Caller, conversations: ConversationsDep
) -> ContextShown:
    """What a model is given beside the question and the passages: no more, no less."""
    found = await conversations.context(caller, ConversationId(conversation_id))
    return ContextShown.of(caller.tenant_id, found)
